"""Linux's frequency governors."""
