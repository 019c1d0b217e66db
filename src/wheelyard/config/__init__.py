"""wheelyard.toml and requirements files, read into frozen models."""
