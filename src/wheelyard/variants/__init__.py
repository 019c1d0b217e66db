"""Variants: a BLAS and an instruction level, chosen when a package is built, checked in what came out."""
