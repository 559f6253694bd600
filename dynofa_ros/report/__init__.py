"""Plots, tables and text from the figures of runs, searches and calibrations."""
