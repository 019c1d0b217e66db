"""From requirements to pins, by uv or pip-tools, behind one protocol."""
