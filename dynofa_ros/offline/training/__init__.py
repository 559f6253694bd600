"""Training of a supernet."""
