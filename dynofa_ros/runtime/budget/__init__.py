"""Power limits: explicit caps, battery and mission, temperature."""
