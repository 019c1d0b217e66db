"""Writing TOML: the standard library only reads it. Just what a lock needs: tables, arrays of tables, plain values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 120


def dumps(document: Mapping[str, object]) -> str:
    """Return a TOML document; keys stay in their order, keys whose value is None are left out."""
    return "\n".join(_table(document, ())).strip("\n") + "\n"


def _table(table: Mapping[str, object], path: tuple[str, ...]) -> Iterator[str]:
    deeper: list[tuple[str, object]] = []
    for key, value in table.items():
        if isinstance(value, Mapping) or _is_tables(value):
            deeper.append((key, value))
        elif value is not None:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in deeper:
        name = (*path, key)
        if isinstance(value, Mapping):
            if any(not isinstance(each, Mapping) and not _is_tables(each) for each in value.values()) or not value:
                yield f"\n[{'.'.join(map(_key, name))}]"
            yield from _table(value, name)
        else:
            for each in _tables(value):
                yield f"\n[[{'.'.join(map(_key, name))}]]"
                yield from _table(each, name)


def _is_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(each, Mapping) for each in value)


def _tables(value: object) -> Sequence[Mapping[str, object]]:
    assert isinstance(value, list | tuple)  # noqa: S101  (by ``_is_tables``)
    return value


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        parts = [_value(each) for each in value]
        line = f"[{', '.join(parts)}]"
        return line if len(line) <= _WIDTH else "[\n" + "".join(f"  {part},\n" for part in parts) + "]"
    raise TypeError(f"not written to a lock: {type(value).__name__}")


def _text(text: str) -> str:
    """Return a basic string: JSON's escapes are all TOML's, save DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
