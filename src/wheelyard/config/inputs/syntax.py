"""A mistake in a line that a person wrote."""

from __future__ import annotations


class SyntaxProblem(ValueError):  # noqa: N818  (a mistake of a person, on the way to a ConfigError)
    """What is wrong with a line, and what to do about it; the reader adds the place."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
