"""Reading one TOML table key by key, so that a mistake names file, table, key and what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from wheelyard.schema.problems import Problems, nearest

Literal = TypeVar("Literal", bound=str)

_KINDS: dict[type, str] = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
_KINDS |= {list: "a list", dict: "a table"}


class Table:
    """A TOML table whose known keys are the ones that were asked for; ``done`` reports all others."""

    def __init__(self, data: Mapping[str, object], name: str, file: Path, problems: Problems) -> None:
        self._data = data
        self._file = file.name
        self._path = file
        self._asked: set[str] = set()
        self.name = name
        """``[build]``; empty for the top of the file."""
        self.problems = problems

    @property
    def folder(self) -> Path:
        """The folder of the file, which relative paths belong to."""
        return self._path.parent

    def where(self, key: str = "") -> str:
        """Return the place of a key, as errors show it."""
        place = " ".join(filter(None, (self.name, key)))
        return f"{self._file}: {place}" if place else self._file

    def wrong(self, key: str, message: str, hint: str | None = None) -> None:
        """Report a mistake at a key."""
        self.problems.add(message, where=self.where(key), hint=hint)

    def get(self, key: str) -> object:
        """Return the raw value, or None; the key is known from now on."""
        self._asked.add(key)
        return self._data.get(key)

    def _typed(self, key: str, kind: type, example: str) -> object:
        value = self.get(key)
        if value is None:
            return None
        fits = isinstance(value, (int, float) if kind is float else kind) and not (
            isinstance(value, bool) and kind in (int, float)
        )
        if not fits:
            self.wrong(key, f"expected {_KINDS[kind]}, found {_found(value)}", f"write: {key} = {example}")
            return None
        return value

    def text(self, key: str, default: str | None = None, *, example: str = '"…"') -> str | None:
        """Return a text."""
        value = self._typed(key, str, example)
        if value == "" or "\x00" in str(value):
            message = "a NUL character in the text" if value else "empty"
            self.wrong(key, message, f"write: {key} = {example}, or take the key out")
            return default
        return default if value is None else str(value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a truth value."""
        value = self._typed(key, bool, "true")
        return default if value is None else bool(value)

    def whole(self, key: str, default: int, *, least: int = 0) -> int:
        """Return a whole number that is not below ``least``."""
        value = self._typed(key, int, str(max(default, least)))
        if not isinstance(value, int):
            return default
        if value < least:
            self.wrong(key, f"{value} is too small", f"the least is {least}")
            return default
        return value

    def number(self, key: str, default: float) -> float:
        """Return a number above zero."""
        value = self._typed(key, float, str(default))
        if not isinstance(value, (int, float)):
            return default
        if not 0 < value < float("inf"):
            self.wrong(key, f"{value} is not above zero", f"write: {key} = {default}")
            return default
        return float(value)

    def choice(self, key: str, choices: tuple[Literal, ...], default: Literal) -> Literal:
        """Return one of a few words."""
        value = self.text(key, example=f'"{default}"')
        for each in choices:
            if value == each:
                return each
        if value is not None:
            listed = ", ".join(repr(each) for each in choices)
            self.wrong(key, f"{value!r} is none of {listed}", nearest(value, choices))
        return default

    def texts(self, key: str, default: tuple[str, ...] = (), *, example: str = '["…"]') -> tuple[str, ...]:
        """Return a list of texts; a single text stands for a list of one."""
        value = self.get(key)
        if value is None:
            return default
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(
            isinstance(each, str) and each and "\x00" not in each for each in values
        ):
            self.wrong(key, f"expected a list of texts, found {_found(value)}", f"write: {key} = {example}")
            return default
        return tuple(values)

    def mapping(self, key: str) -> dict[str, object]:
        """Return a table as it is."""
        value = self._typed(key, dict, '{ NAME = "…" }')
        return value if isinstance(value, dict) else {}

    def mapping_keys(self) -> list[str]:
        """Return all keys, all of them known from now on: names that the user chose."""
        self._asked.update(self._data)
        return list(self._data)

    def table(self, key: str) -> Table:
        """Return a table below this one, empty where it is not written."""
        name = f"[{self.name.strip('[]')}.{key}]" if self.name else f"[{key}]"
        return Table(self.mapping(key), name, self._path, self.problems)

    def tables(self, key: str) -> Iterator[Table]:
        """Yield the tables of an array ``[[key]]``."""
        value = self.get(key)
        if value is None:
            return
        rows = value if isinstance(value, list) else [value]
        for number, row in enumerate(rows, start=1):
            name = f"[[{key}]] no. {number}"
            if isinstance(row, dict):
                yield Table(row, name, self._path, self.problems)
            else:
                self.problems.add(
                    f"expected a table, found {_found(row)}",
                    where=f"{self._file}: {name}",
                    hint=f"begin it with [[{key}]] on a line of its own",
                )

    def done(self, *, elsewhere: Mapping[str, str] = MappingProxyType({})) -> None:
        """Report every key that nobody asked for; ``elsewhere`` names the table that a key would be right in."""
        for key in self._data:
            if key in self._asked:
                continue
            hint = f"it belongs into {elsewhere[key]}" if key in elsewhere else nearest(key, self._asked)
            self.wrong(key, "unknown key", hint)


def _found(value: object) -> str:
    """Return a value as a person would name it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return _KINDS.get(type(value), type(value).__name__)


def frozen(value: object) -> object:
    """Return a TOML value whose tables and lists cannot be changed."""
    if isinstance(value, dict):
        return MappingProxyType({key: frozen(each) for key, each in value.items()})
    if isinstance(value, list):
        return tuple(frozen(each) for each in value)
    return value
