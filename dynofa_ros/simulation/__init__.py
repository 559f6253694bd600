"""Discrete-event simulation of device, applications and governors."""
