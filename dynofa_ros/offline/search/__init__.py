"""Search for the sub-networks on the front of accuracy and latency."""
