"""The choice of sub-network, processor, threads and frequency: pure functions."""
