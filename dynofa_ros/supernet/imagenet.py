"""What the ImageNet networks of Once-for-All have in common (arXiv 1908.09791, section 4.1)."""

CLASSES = 1000
RESOLUTIONS = tuple(range(128, 225, 4))
"""Sides of the square input [pixel]: 128 to 224 in steps of 4."""
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation of the training images' RGB in 0..1."""
