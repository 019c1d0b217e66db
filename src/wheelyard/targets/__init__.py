"""What a wheel must run on - tags, marker environments, presets, interpreters."""
