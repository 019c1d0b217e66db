"""What an index says: files of a project, as in the simple repository API."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One distribution file as a simple page lists it (PEP 503, 592, 658/714, 691, 700)."""

    filename: str
    url: str
    """Absolute, and without user name and password: these are added when the file is fetched."""
    sha256: str | None
    requires_python: str | None = None
    yanked: str | None = None
    """None: not yanked; else the reason, which may be empty."""
    size: int | None = None
    metadata_sha256: str | None = None
    """The hash of the PEP 658 file, ``""`` where the index has one without saying its hash, None where it has none."""
    upload_time: str | None = None
    """In UTC (PEP 700); None where the index does not say."""
    provenance: str | None = None
    """URL of the attestations (PEP 740)."""
    index: str = ""
    """Name of the index it was seen at, as in ``wheelyard.toml`` or pip's configuration."""

    @property
    def is_wheel(self) -> bool:
        """Whether this is a wheel (else an sdist)."""
        return self.filename.endswith(".whl")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPage:
    """All files of one project, from every index that the project may come from."""

    name: str
    """Normalised (PEP 503)."""
    files: tuple[RemoteFile, ...]
