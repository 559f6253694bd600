"""The demonstration: real photographs through the real nodes, while the conditions change."""
