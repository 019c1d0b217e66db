"""Wheel files: reading, checking, rewriting, fusing."""
