"""Profiles: measured on this machine, stored in a file, scaled to other clocks, or modelled."""
