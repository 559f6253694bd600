"""Accuracy of sub-networks, and the selection of those a model keeps."""
