"""Declared tables: one declaration is read, checked, and described to editors and people."""
