"""Search for the sub-networks on the Pareto front of accuracy and latency."""
