"""Training of a supernet, from the configuration of a run to the exported model."""
