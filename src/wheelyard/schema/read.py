"""Reading TOML against a declaration: every mistake is collected, with file, table, key, and what to write instead.

``msgspec.convert`` would stop at the first mistake and would not say which key was meant; its description of the types
(``msgspec.inspect``) is what is walked here.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from msgspec import NODEFAULT, inspect

from wheelyard.schema.location import Location
from wheelyard.schema.problems import nearest
from wheelyard.schema.tables import AnyTable, Table


class _Wrong:
    """What a value is that was reported."""


_WRONG = _Wrong()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a declared table."""

    key: str
    kind: inspect.Type
    required: bool
    default: object
    example: str
    """A value as it is written in TOML."""
    description: str


def fields(declared: type[Table]) -> Mapping[str, Field]:
    """Return the keys of a declared table, then those of its parts, in the order of their declaration."""
    return MappingProxyType({key: field for part in (declared, *declared.parts()) for key, field in _own(part).items()})


@functools.cache
def _own(declared: type[Table]) -> Mapping[str, Field]:
    found = {}
    for field in cast("inspect.StructType", inspect.type_info(declared)).fields:
        schema, extra, _ = _unwrapped(field.type)
        default = field.default_factory() if field.default_factory is not NODEFAULT else field.default
        found[field.encode_name] = Field(
            key=field.encode_name,
            kind=field.type,
            required=field.required,
            default=None if default is NODEFAULT else default,
            example=str(extra.get("example") or in_toml(_example(schema, default))),
            description=str(schema.get("description", "")),
        )
    return MappingProxyType(found)


def read(
    declared: type[AnyTable],
    data: Mapping[str, object],
    place: Location,
    *,
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> AnyTable | None:
    """Return a table by its declaration; what is wrong is reported at ``place``, and has its default.

    :param elsewhere: the tables that keys would be right in which are unknown here: ``{"jobs": "[build]"}``.
    :return: None if a key that has no default is missing or wrong.
    """
    known, before = fields(declared), len(place.problems.found)
    for key in data:
        if key not in known:
            hint = f"it belongs into {elsewhere[key]}" if key in elsewhere else nearest(key, known)
            place.wrong(key, "unknown key", hint)
    made = _made(declared, data, place)
    parts = {part: _made(part, data, place) for part in declared.parts()}
    if made is None or None in parts.values():
        return None
    for table in (made, *parts.values()):
        table.__dict__.update(place=place, sound=len(place.problems.found) == before)
    made.__dict__["parts"] = parts
    return made


def _made(declared: type[AnyTable], data: Mapping[str, object], place: Location) -> AnyTable | None:
    """Return a table of those keys that it declares itself; what is wrong with them is reported."""
    values: dict[str, object] = {}
    whole = True
    for name, field in zip(declared.__struct_fields__, _own(declared).values(), strict=True):
        value: object = _WRONG
        if field.key in data:
            value = _TableReader(place=place, field=field).value(field.kind, data[field.key], field.key)
        elif field.required:
            place.wrong(field.key, "is missing", f"write: {field.key} = {field.example}")
        whole &= not (field.required and value is _WRONG)
        values[name] = field.default if value is _WRONG else value
    return declared(**values) if whole else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _TableReader:
    """Reads the value of one key."""

    place: Location
    field: Field

    def value(self, kind: inspect.Type, value: object, key: str) -> object:
        """Return a value as its kind has it, or ``_WRONG`` after a report."""
        _, extra, kind = _unwrapped(kind)
        if extra.get("list"):
            return self._texts(value, key)
        if isinstance(kind, inspect.UnionType):
            kind = _member(kind, value)
        match kind:
            case inspect.StructType():
                return self._table(kind, value, key, self.place.table(key))
            case inspect.VarTupleType():
                return self._rows(kind, value, key)
            case inspect.DictType():
                return self._mapping(kind, value, key)
            case inspect.LiteralType():
                return self._choice(kind, value, key)
            case _:
                return self._plain(kind, value, key)

    def _wrong(self, key: str, message: str, hint: str | None = None) -> _Wrong:
        if hint is None:
            hint = f"write: {self.field.key} = {self.field.example}"
        self.place.wrong(key, message, hint)
        return _WRONG

    def _table(self, kind: inspect.StructType, value: object, key: str, place: Location) -> object:
        if not isinstance(value, dict):
            return self._wrong(key, f"expected a table, found {_found(value)}")
        made = read(cast("type[Table]", kind.cls), value, place)
        return _WRONG if made is None else made

    def _texts(self, value: object, key: str) -> object:
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, (list, tuple)) or not all(
            isinstance(item, str) and item and "\x00" not in item for item in values
        ):
            return self._wrong(key, f"expected a list of texts, found {_found(value)}")
        return tuple(values)

    def _rows(self, kind: inspect.VarTupleType, value: object, key: str) -> object:
        """Return the rows of a list; tables among them are those of ``[[key]]``."""
        rows = [value] if isinstance(value, dict) else value
        _, _, inner = _unwrapped(kind.item_type)
        tables = any(isinstance(each, inspect.StructType) for each in getattr(inner, "types", (inner,)))
        if not isinstance(rows, (list, tuple)):
            if tables:
                return self._wrong(key, f"expected tables, found {_found(value)}", f"begin each with [[{key}]]")
            return self._wrong(key, f"expected a list, found {_found(value)}")
        made: list[object] = []
        for number, row in enumerate(rows, start=1):
            member = _member(inner, row) if isinstance(inner, inspect.UnionType) else inner
            if isinstance(member, inspect.StructType):
                place = self.place.row(key, number)
                if not isinstance(row, dict):
                    hint = f"begin it with [[{key}]] on a line of its own"
                    self.place.problems.add(f"expected a table, found {_found(row)}", where=place.where(), hint=hint)
                    continue
                table = read(cast("type[Table]", member.cls), row, place)
                made.append(_WRONG if table is None else table)
            else:
                made.append(self.value(member, row, key))
        return tuple(each for each in made if each is not _WRONG)

    def _mapping(self, kind: inspect.DictType, value: object, key: str) -> object:
        """Return a table whose keys are the user's own words."""
        if not isinstance(value, dict):
            return self._wrong(key, f"expected a table, found {_found(value)}")
        _, _, inner = _unwrapped(kind.value_type)
        example = f"an example: {self.field.key} = {self.field.example}"
        made: dict[str, object] = {}
        for name, each in value.items():
            if isinstance(inner, inspect.StructType):
                if not isinstance(each, dict):
                    hint = f"begin it with [{key}.{name}] on a line of its own"
                    self.place.table(key).wrong(name, f"expected a table, found {_found(each)}", hint)
                    continue
                table = read(cast("type[Table]", inner.cls), each, self.place.table(key).table(name))
                if table is not None:
                    made[name] = table
                continue
            try:
                made[name] = _converted(kind, name, each)
            except ValueError:
                self.place.wrong(f"{key}.{name}", f"expected {_words(inner)}, found {_found(each)}", example)
        return MappingProxyType(made)

    def _choice(self, kind: inspect.LiteralType, value: object, key: str) -> object:
        if not isinstance(value, str):
            return self._wrong(key, f"expected text, found {_found(value)}")
        if value not in kind.values:
            listed = ", ".join(repr(literal) for literal in kind.values)
            return self._wrong(key, f"{value!r} is none of {listed}", nearest(value, map(str, kind.values)))
        return value

    def _plain(self, kind: inspect.Type, value: object, key: str) -> object:
        if isinstance(value, bool) != isinstance(kind, inspect.BoolType) or not _fits(kind, value):
            return self._wrong(key, f"expected {_words(kind)}, found {_found(value)}")
        if isinstance(kind, inspect.StrType):
            text = str(value)
            if not text or "\x00" in text:
                message = "a NUL character in the text" if text else "empty"
                return self._wrong(key, message, f"write: {key} = {self.field.example}, or take the key out")
            if kind.pattern is not None and not re.search(kind.pattern, text):
                schema, _, _ = _unwrapped(self.field.kind)
                return self._wrong(key, f"{text!r} is {schema.get('title', 'not understood')}")
            return text
        if isinstance(kind, inspect.IntType) and isinstance(value, int) and kind.ge is not None and value < kind.ge:
            return self._wrong(key, f"{value} is too small", f"the least is {kind.ge}")
        if isinstance(kind, inspect.FloatType) and isinstance(value, (int, float)) and not 0 < value < float("inf"):
            return self._wrong(key, f"{value} is not above zero")
        return value


def _unwrapped(kind: inspect.Type) -> tuple[Mapping[str, object], Mapping[str, object], inspect.Type]:
    """Return what a field says of itself, as JSON Schema and in our own words, and its type without the ``None``."""
    schema: dict[str, object] = {}
    extra: dict[str, object] = {}
    while True:
        if isinstance(kind, inspect.Metadata):
            schema = {**(kind.extra_json_schema or {}), **schema}
            extra = {**(kind.extra or {}), **extra}
            kind = kind.type
        elif isinstance(kind, inspect.UnionType) and kind.includes_none:
            rest = tuple(member for member in kind.types if not isinstance(member, inspect.NoneType))
            kind = rest[0] if len(rest) == 1 else inspect.UnionType(rest)
        else:
            return schema, extra, kind


def plain(kind: inspect.Type) -> inspect.Type:
    """Return a type without what is said of it, and without the ``None`` of an optional one."""
    return _unwrapped(kind)[2]


def _member(kind: inspect.UnionType, value: object) -> inspect.Type:
    """Return the member of a union that a value is meant for; the last one where none fits."""
    members = [_unwrapped(member)[2] for member in kind.types]
    return next((member for member in members if _fits(member, value)), members[-1])


def _fits(kind: inspect.Type, value: object) -> bool:
    match kind:
        case inspect.StrType() | inspect.LiteralType():
            return isinstance(value, str)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case inspect.FloatType():
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case inspect.VarTupleType():
            return isinstance(value, (list, tuple))
        case inspect.StructType() | inspect.DictType():
            return isinstance(value, dict)
        case _:
            return True


def _converted(kind: inspect.DictType, name: str, value: object) -> object:
    """Return one value of a mapping.

    :raises ValueError: if name or value are not what the mapping takes.
    """
    _, _, key = _unwrapped(kind.key_type)
    if isinstance(key, inspect.StrType) and key.pattern is not None and not re.search(key.pattern, name):
        raise ValueError(name)
    _, _, inner = _unwrapped(kind.value_type)
    member = _member(inner, value) if isinstance(inner, inspect.UnionType) else inner
    if isinstance(value, bool) or not _fits(member, value):
        raise ValueError(name)
    if isinstance(member, inspect.VarTupleType):
        rows = cast("list[object]", value)
        if not all(_fits(_unwrapped(member.item_type)[2], row) for row in rows):
            raise ValueError(name)
        return tuple(rows)
    return value


def _words(kind: inspect.Type) -> str:
    """Return what is expected, as a person would name it."""
    if isinstance(kind, inspect.UnionType):
        return " or ".join(_words(_unwrapped(member)[2]) for member in kind.types)
    names: dict[type[inspect.Type], str] = {
        inspect.StrType: "text",
        inspect.BoolType: "true or false",
        inspect.IntType: "a whole number",
        inspect.FloatType: "a number",
        inspect.VarTupleType: "a list of texts",
    }
    return names.get(type(kind), "a table")


def _found(value: object) -> str:
    """Return a value as a person would name it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return "a list" if isinstance(value, (list, tuple)) else "a table" if isinstance(value, dict) else "a date or time"


def _example(schema: Mapping[str, object], default: object) -> object:
    examples = schema.get("examples")
    if isinstance(examples, list) and examples:
        return examples[0]
    return True if default is False else default


def in_toml(value: object) -> str:
    """Return a value as TOML has it; tables are written inline."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {in_toml(each)}" for key, each in value.items()) + " }" if value else "{}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(in_toml(item) for item in value) + "]"
    if isinstance(value, (str, int, float)):
        return json.dumps(value, ensure_ascii=False)
    return '"…"'
