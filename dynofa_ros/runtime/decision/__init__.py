"""The joint choice of sub-networks, processors, threads and frequencies: pure functions."""
