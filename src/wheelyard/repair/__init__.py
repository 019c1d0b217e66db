"""Grafting foreign libraries into a wheel and giving it the tag it earned."""
