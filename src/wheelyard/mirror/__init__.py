"""Whole projects instead of a lock: mirroring them, adding files by hand, and pruning what is old."""
