"""The platform node: sets frequencies and publishes the state of the hardware."""
