"""What ``[[variant]]`` and ``[[recipe]]`` say of an instruction level, declared."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from wheelyard.schema.tables import Table, Text, Texts
from wheelyard.variants.settings import SettingsTable


class SimdKeys(Table, frozen=True):
    """The keys of a level in `[[variant]]`."""

    simd: Annotated[
        Text | tuple[Text, ...] | None,
        Meta(description="the CPU level, or a CPU as archspec names it", examples=["x86-64-v3"]),
    ] = None


class SimdRecipeKeys(Table, frozen=True):
    """The keys of a level in `[[recipe]]`."""

    simd: Annotated[SettingsTable | None, Meta(description="what a CPU level adds to its build")] = None
    levels: Annotated[
        dict[str, str],
        Meta(description="its own words for levels", extra={"example": '{ x86-64-v3 = "X86_V3" }'}),
    ] = field(default_factory=dict)
    needs: Annotated[
        Literal["x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"],
        Meta(description="the CPU level that it needs however it is built"),
    ] = "x86-64"
    dispatched: Annotated[
        Texts,
        Meta(description="functions (regular expressions) called only after asking the CPU", examples=[["_AVX2$"]]),
    ] = ()
