"""Variants: what is chosen on some axes when a package is built, and checked in what came out."""
