"""Bringing locked files into the store."""
