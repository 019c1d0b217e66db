"""What ``[[variant]]`` and ``[[recipe]]`` say of a BLAS, and the file of libraries, declared."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, field

from wheelyard.schema.tables import Table, Text, Texts
from wheelyard.variants.settings import SettingsTable

Name: TypeAlias = Literal["openblas", "openblas64", "mkl", "blis", "netlib", "flexiblas", "accelerate"]
Threads: TypeAlias = Literal["sequential", "pthreads", "openmp"]


class BlasKeys(Table, frozen=True):
    """The keys of a BLAS in `[[variant]]`."""

    blas: Annotated[
        Name | tuple[Name, ...] | None, Meta(description="the linear-algebra library", examples=["mkl"])
    ] = None
    threads: Annotated[Threads | tuple[Threads, ...] | None, Meta(description="its threads", examples=["openmp"])] = (
        None
    )
    share_blas: Annotated[bool, Meta(description="one BLAS in a wheel of its own, instead of a copy in each")] = False
    blas_copies: Annotated[
        bool,
        Meta(description="wheels that are not compiled here may bring their own copy of it, with memory and threads"),
    ] = False


class BlasRecipeKeys(Table, frozen=True):
    """The keys of a BLAS in `[[recipe]]`."""

    blas: Annotated[SettingsTable | None, Meta(description="what a BLAS adds to its build")] = None
    openblas64: Annotated[SettingsTable | None, Meta(description="what 64-bit integers add to that")] = None
    blas_names: Annotated[
        dict[str, str],
        Meta(
            description="its own words for `{blas}`, where it is not told the name that pkg-config knows",
            extra={"example": '{ scipy-openblas = "openblas" }'},
        ),
    ] = field(default_factory=dict)
    imports: Annotated[Texts, Meta(description="modules that load its BLAS", examples=[["scipy.linalg"]])] = ()


class SourceTable(Table, frozen=True):
    """`[[blas.NAME.source]]` of the libraries: one way to have one."""

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
    """`[blas.NAME]` of the libraries."""

    title: Text
    licence: Text
    source: tuple[SourceTable, ...]
    family: Text | None = None
    restricted: Text | None = None
    threads_variable: Text | None = None
    marks: Texts = ()
    not_marks: Texts = ()
    static: Text | None = None
    chooses: bool = False
    machines: Texts = ()
    platforms: Texts = ()


class LibrariesFile(Table, frozen=True):
    """The file of libraries."""

    blas: dict[str, LibraryTable]
