"""Power budget: parameter, battery mission and temperature caps, and the base load."""
