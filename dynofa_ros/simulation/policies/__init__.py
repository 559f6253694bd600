"""Policies that can drive a simulation: ours, static networks and published baselines."""
