"""Estimates from measurements: slowdown, frame rate, base power."""
