"""Operating points, and the profile that lists those of one application."""
