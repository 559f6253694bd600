"""Commands from the manager to nodes, and the tracking of their acknowledgements."""
