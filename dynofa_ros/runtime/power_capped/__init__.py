"""Search for the best joint choice within a power cap."""
