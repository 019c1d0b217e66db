"""Where a table is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from wheelyard.schema.problems import Problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a table is written: for messages, and for paths that are relative to the file."""

    file: Path
    problems: Problems
    name: str = ""
    """``[build]``; empty for the top of the file."""
    shown: str = ""
    """The file, as messages name it; empty: by its last part."""

    @property
    def folder(self) -> Path:
        """The folder of the file, which relative paths belong to."""
        return self.file.parent

    def where(self, key: str = "") -> str:
        """Return the place of a key, as errors show it."""
        inside = " ".join(filter(None, (self.name, key)))
        file = self.shown or self.file.name
        return f"{file}: {inside}" if inside else file

    def wrong(self, key: str, message: str, hint: str | None = None) -> None:
        """Report a mistake at a key."""
        self.problems.add(message, where=self.where(key), hint=hint)

    def table(self, key: str) -> Location:
        """Return the place of a table below this one."""
        if self.name.startswith("[["):
            return replace(self, name=f"{self.name} {key}")
        return replace(self, name=f"[{self.name.strip('[]')}.{key}]" if self.name else f"[{key}]")

    def row(self, key: str, number: int) -> Location:
        """Return the place of one table of an array, counted from one."""
        return replace(self, name=f"[[{key}]] no. {number}")
