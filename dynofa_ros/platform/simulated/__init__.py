"""A simulated device, driven by a platform description."""
