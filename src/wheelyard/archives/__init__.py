"""Archives of any kind, read strictly: tar, and the names of members."""
