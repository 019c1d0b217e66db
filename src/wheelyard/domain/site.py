"""The wheelhouse as values, before it is written: what each target's folder holds and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.proof import Proof
from wheelyard.domain.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One file of the pool; its bytes are in the store under ``sha256``."""

    filename: str
    sha256: str
    size: int
    name: str
    """Normalised (PEP 503)."""
    version: str
    requires_python: str | None = None
    """From the wheel's own METADATA (it may contain ``<`` and ``>``: escape it)."""
    yanked: str | None = None
    """None: not yanked; else the upstream's reason."""
    upload_time: str | None = None
    """As upstream gave it (PEP 700), never our clock."""
    provenance: str | None = None
    """URL of the upstream's attestations (PEP 740)."""
    imports: tuple[str, ...] = ()
    """What can be imported from a wheel: its top-level modules."""


OWN = "local"
"""The origin of what is of no index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Why a wheel is in a target's folder."""

    wheel: Wheel
    origin: Literal["upstream", "built", "local"]
    source: str
    """Name of the index that the wheel came from, or file name of the sdist that it was built from."""
    reason: str = ""
    extras: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    built: BuiltWheel | None = None
    sdist_sha256: str = ""
    """Of what it was built from."""
    sdist_index: str = ""
    """Name of the index that had this; ``OWN`` for a file of the admin's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """``targets/<name>/``: what a host of that target needs and nothing else."""

    name: str
    """``<target>`` or ``<target>.<variant>``."""
    target: Target
    entries: tuple[Entry, ...]
    requirements_txt: str
    pylock_toml: str
    proof: Proof
    variant: str | None = None
    pip: Wheel | None = None
    """The carried pip, for hosts whose own could not see a wheel here; it lies in the folder too."""
    needs: Mapping[str, str] = field(default_factory=dict)
    """What a host must have for this variant, by axis: ``{"simd": "x86-64-v3"}``."""
    python_archive: str | None = None
    """Path in the wheelhouse (a key of ``Site.attachments``) of a relocatable Python for hosts of this target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFolder:
    """``targets/<target>.variants/``: a baseline, and its variants labelled as in the drafts PEP 825 and 850.

    It is no target: an installer that knows labels chooses in it by itself, any other sees the baseline.
    """

    name: str
    entries: tuple[Entry, ...]
    tables: tuple[Wheel, ...]
    """``<name>-<version>-variants.json`` for each release that has labelled wheels: what the labels mean."""
    requirements_txt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imprint:
    """What every page says of the wheelhouse: its name, how old it is, and who answers for it."""

    name: str = "Wheelhouse"
    contact: str = ""
    """A mail address, a URL, or words; empty: not said."""
    date: str | None = None
    """``YYYY-MM-DD``, of SOURCE_DATE_EPOCH and never of our clock; None: not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The whole wheelhouse. ``extra`` are files of the pool that no folder holds (a mirror's, or added by hand)."""

    folders: tuple[Folder, ...]
    labelled: tuple[LabelledFolder, ...] = ()
    extra: tuple[Entry, ...] = ()
    imprint: Imprint = field(default_factory=Imprint)
    channel: str | None = None
    """Name of the stream of bundles; None: the one that the wheelhouse has, at first one of its own."""
    retired: Mapping[str, str] = field(default_factory=dict)
    """Names of compiled wheels that lay here before, and the SHA-256 of each: they never stand for other bytes."""
    papers: tuple[str, ...] = ()
    """What lies in the wheelhouse for those who have to approve it, made from it: its pages lead there."""
    documents: Mapping[str, bytes] = field(default_factory=dict)
    """More files of the site by path, small ones: ``install.py``, ``sbom.cdx.json``, ``report.html``."""
    attachments: Mapping[str, str] = field(default_factory=dict)
    """More files of the site by path, big ones: the SHA-256 of a blob in the store (``python/….tar.gz``)."""


GRACE = 10.0
"""Seconds that distributions which leave stay if nothing else is said: pip opens files after it has read of them."""
PATIENCE = 60.0
"""A grace of so many seconds is waited for by the publication itself; a longer one is ended by the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publication changed. Counts are of the pool's files: wheels, sdists, tables of labels."""

    added: int = 0
    removed: int = 0
    restored: int = 0
    """Files that should have been there, and were missing or altered."""
    unchanged: int = 0
    written: int = 0
    """Files of any kind that were written: distributions, metadata and pages."""
    bytes: int = 0
    """Bytes of those."""
    generation: int = 0
    """Number of what is published now: the sequence of its manifest."""
