"""A declaration for others: as JSON Schema for editors, and as Markdown for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from wheelyard.schema.read import Field, fields, in_toml, plain
from wheelyard.schema.tables import Table


def json_schema(declared: type[Table], *, title: str) -> dict[str, object]:
    """Return the JSON Schema (2020-12) of a declared file."""
    described = msgspec.json.schema(declared)
    for table in _tables(declared, []):
        _add_parts(table, described["$defs"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **described}


def _add_parts(table: type[Table], definitions: dict[str, dict[str, Any]]) -> None:
    """Describe the keys of a table's parts as its own."""
    for part in table.parts():
        _, found = msgspec.json.schema_components([part], ref_template="#/$defs/{name}")
        keys = found.pop(part.__name__)
        definitions.update(found)
        definitions[table.__name__]["properties"] |= keys["properties"]
        definitions[table.__name__]["required"] += keys["required"]


def markdown(declared: type[Table]) -> str:
    """Return every key of a declared file, one table of keys for each of its tables, as Markdown."""
    return "\n".join(_section(table) for table in _tables(declared, []))


def _tables(declared: type[Table], seen: list[type[Table]]) -> list[type[Table]]:
    """Return a table and those below it, in the order of their declaration."""
    if declared not in seen:
        seen.append(declared)
        for field in fields(declared).values():
            for inner in _below(field.kind):
                _tables(inner, seen)
    return seen


def _below(kind: inspect.Type) -> Iterator[type[Table]]:
    kind = plain(kind)
    if isinstance(kind, inspect.StructType) and issubclass(kind.cls, Table):
        yield kind.cls
    for member in getattr(kind, "types", ()):
        yield from _below(member)
    for name in ("item_type", "value_type"):
        if inner := getattr(kind, name, None):
            yield from _below(inner)


def _section(declared: type[Table]) -> str:
    heading, _, summary = (declared.__doc__ or "").partition(": ")
    lines = [f"## {heading.rstrip('.')}", ""]
    if summary:
        lines += [summary[0].upper() + summary[1:], ""]
    lines += ["| key | what it says | default | example |", "| --- | --- | --- | --- |"]
    lines += [_row(field) for field in fields(declared).values()]
    return "\n".join(lines) + "\n"


def _row(field: Field) -> str:
    kind = plain(field.kind)
    words = field.description
    if isinstance(kind, inspect.LiteralType):
        words += ": " + ", ".join(f"`{value}`" for value in kind.values)
    if field.required:
        default = "needed"
    elif field.default in (None, (), {}) or isinstance(field.default, Table):
        default = ""
    else:
        default = f"`{in_toml(field.default)}`"
    example = "" if isinstance(field.default, (bool, Table)) or field.example in ('"…"', "[]", "{}") else field.example
    shown = f"`{example}`" if example and example != default.strip("`") else ""
    cells = (f"`{field.key}`", words.replace("|", "\\|"), default, shown)
    return "| " + " | ".join(cells) + " |"
