"""Requirements as people write them, one file a format."""
