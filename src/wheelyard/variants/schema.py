"""``[[variant]]`` and ``[[recipe]]``, declared."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, field

from wheelyard.schema.tables import Setting, Table, Text, Texts, Variables

Blas: TypeAlias = Literal["openblas", "openblas64", "mkl", "blis", "netlib", "flexiblas", "accelerate"]
Threads: TypeAlias = Literal["sequential", "pthreads", "openmp"]


class VariantTable(Table, frozen=True):
    """`[[variant]]`: packages that are compiled again for a choice; lists make a matrix."""

    packages: Annotated[Texts, Meta(description="what is compiled again", examples=[["numpy", "scipy"]])]
    name: Annotated[
        Text | None, Meta(description="`[a-z0-9_-]+`; also the folder, behind the target", examples=["v3-mkl"])
    ] = None
    blas: Annotated[
        Blas | tuple[Blas, ...] | None, Meta(description="the linear-algebra library", examples=["mkl"])
    ] = None
    threads: Annotated[Threads | tuple[Threads, ...] | None, Meta(description="its threads", examples=["openmp"])] = (
        None
    )
    simd: Annotated[
        Text | tuple[Text, ...] | None,
        Meta(description="the CPU level, or a CPU as archspec names it", examples=["x86-64-v3"]),
    ] = None
    share_blas: Annotated[bool, Meta(description="one BLAS in a wheel of its own, instead of a copy in each")] = False


class SettingsTable(Table, frozen=True):
    """What a build is given, with words in braces to fill in."""

    environment: Annotated[
        Variables, Meta(description="environment variables", extra={"example": '{ CFLAGS = "{cflags}" }'})
    ] = field(default_factory=dict)
    config_settings: Annotated[
        dict[str, Setting],
        Meta(description="settings for the build backend", extra={"example": '{ setup-args = ["-Dblas={blas}"] }'}),
    ] = field(default_factory=dict)


class RecipeTable(Table, frozen=True):
    """`[[recipe]]`: how a package is told of a variant."""

    package: Annotated[Text, Meta(description="the package", examples=["numpy"])]
    versions: Annotated[str, Meta(description="the versions it is for (PEP 440)", examples=[">=1.2,<3"])] = ""
    system: Annotated[Text | None, Meta(description="its build system", examples=["meson-python"])] = None
    blas: Annotated[SettingsTable | None, Meta(description="what a BLAS adds to its build")] = None
    openblas64: Annotated[SettingsTable | None, Meta(description="what 64-bit integers add to that")] = None
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
    imports: Annotated[Texts, Meta(description="modules that load its BLAS", examples=[["scipy.linalg"]])] = ()


class SourceTable(Table, frozen=True):
    """`[[blas.NAME.source]]` of the recipes that come with Wheelyard: one way to have a library."""

    package: Text
    threads: Threads
    requires: Texts = ()
    probe: Texts = ()
    image_packages: dict[str, tuple[str, ...]] = field(default_factory=dict)
    licences: Texts = ()
    pc: Text | None = None
    shared: Texts = ()
    shared_in: Text | None = None
    host: Texts = ()


class LibraryTable(Table, frozen=True):
    """`[blas.NAME]` of the recipes that come with Wheelyard."""

    title: Text
    licence: Text
    source: tuple[SourceTable, ...]
    restricted: Text | None = None
    threads_variable: Text | None = None
    marks: Texts = ()
    not_marks: Texts = ()
    static: Text | None = None
    chooses: bool = False
    machines: Texts = ()
    platforms: Texts = ()


class SystemTable(Table, frozen=True):
    """`[system.NAME]` of the recipes that come with Wheelyard."""

    backends: Texts
    simd: SettingsTable | None = None
    blas: SettingsTable | None = None


class BookFile(Table, frozen=True):
    """The file of recipes that comes with Wheelyard."""

    blas: dict[str, LibraryTable]
    system: dict[str, SystemTable]
    recipe: tuple[RecipeTable, ...]
