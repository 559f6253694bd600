"""Platform descriptions fitted to measurements: latency and power against frequency."""
