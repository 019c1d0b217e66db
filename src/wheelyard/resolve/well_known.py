"""Names that are often required, to guess what a misspelt one means. No index is asked for names that nobody wrote."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import resources


def meant(name: str) -> str | None:
    """Return the name that a misspelt one most likely stands for; None where none is near."""
    names = resources.files("wheelyard.resolve").joinpath("well_known.txt").read_text("utf-8").split()
    return next(iter(get_close_matches(name, names, n=1, cutoff=0.7)), None)
