"""The perception node: classifies camera images with the active sub-network."""
