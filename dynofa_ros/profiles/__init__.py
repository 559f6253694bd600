"""Profiles: measured on this machine, stored, scaled in frequency, or modelled."""
