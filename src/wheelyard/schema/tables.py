"""The words that tables are declared in: ``msgspec`` structures whose fields say what they are for."""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypeVar, cast

import msgspec
from msgspec import Meta

from wheelyard.schema.location import Location

AnyTable = TypeVar("AnyTable", bound="Table")


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab", dict=True):
    """A TOML table. Its keys are the fields' names, with ``-`` for ``_``; its docstring is for people."""

    @property
    def place(self) -> Location:
        """Where it is written: for messages about what it says."""
        return cast("Location", self.__dict__["place"])

    @property
    def sound(self) -> bool:
        """Whether nothing in it was reported when it was read: else what it means is not worth a second report."""
        return bool(self.__dict__["sound"])

    @classmethod
    def parts(cls) -> tuple[type[Table], ...]:
        """Return the tables whose keys are written into this one too: what is plugged in declares its own."""
        return ()

    def part(self, declared: type[AnyTable]) -> AnyTable:
        """Return what was written here of the keys that a part declares; its defaults where it was no part then."""
        parts: dict[type[Table], Table] = self.__dict__.get("parts", {})
        found = parts.get(declared)
        return found if isinstance(found, declared) else declared()


Text: TypeAlias = Annotated[str, Meta(min_length=1)]
Texts: TypeAlias = Annotated[Text | tuple[Text, ...], Meta(extra={"list": True})]
"""A list of texts; a single one stands for a list of one. Always read as a tuple."""
Setting: TypeAlias = str | tuple[str, ...]
"""A value of PEP 517 ``config_settings``: a text, or several under one name."""
Variables: TypeAlias = dict[Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str | int]
"""Environment variables."""
Digest: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
"""A SHA-256, as ``sha256sum`` prints it."""


def texts(value: object) -> tuple[str, ...]:
    """Return ``Texts`` as the reader gives them."""
    return value if isinstance(value, tuple) else (str(value),)
