"""The platform node: sets the clocks and publishes the state of the hardware."""
