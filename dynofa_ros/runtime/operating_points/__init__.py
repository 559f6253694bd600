"""Operating points, and the profile of an application."""
