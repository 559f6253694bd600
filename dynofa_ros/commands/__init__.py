"""The commands of `dynofa`, one file each: its options, and what it calls.

A command's file imports what is heavy only when it runs, so that ``dynofa --help`` answers at once.
"""
