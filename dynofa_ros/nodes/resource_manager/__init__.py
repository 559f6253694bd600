"""The resource-manager node: commands sub-networks and clocks."""
