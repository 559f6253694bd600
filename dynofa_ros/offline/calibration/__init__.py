"""Platform descriptions from measurements: latency, power and temperature against clocks."""
