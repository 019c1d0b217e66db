"""Installing and importing finished wheels in a clean environment of the target."""
