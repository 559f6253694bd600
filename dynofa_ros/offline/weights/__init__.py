"""Download of the official Once-for-All weights."""
