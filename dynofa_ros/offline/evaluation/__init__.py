"""Accuracy of sub-networks on labelled images, and the selection of those worth keeping."""
