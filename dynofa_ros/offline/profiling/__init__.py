"""Latency and energy of sub-networks, measured on this machine."""
