"""What a build takes from other registries than the Python package index: crates, npm packages, Go modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Prefetched:
    """One package of another registry, as a lock file inside an sdist pins it."""

    registry: Literal["cargo", "npm", "golang"]
    """As a package URL calls it."""
    name: str
    version: str
    checksum: str
    """Of the archive, as the lock says: ``sha256:`` or ``sha512:`` and hexadecimal digits, ``h1:`` and Go's own form;
    ``git:`` and a commit where there is no archive."""
    source: str = ""
    """The registry or repository, as the lock says; empty: it says none."""
    lock: str = ""
    """The lock file's path in the source tree."""

    @property
    def purl(self) -> str:
        """The package URL: ``pkg:cargo/serde@1.0.1?checksum=sha256:…``."""
        # late: most builds take nothing from elsewhere
        from packageurl import PackageURL

        namespace, _, name = self.name.rpartition("/")
        kind, _, digest = self.checksum.partition(":")
        qualifiers = (
            {"vcs_url": f"{self.source.partition('?')[0]}@{digest}"} if kind == "git" else {"checksum": self.checksum}
        )
        return PackageURL(self.registry, namespace or None, name, self.version, qualifiers).to_string()

    @property
    def is_code(self) -> bool:
        """Whether anything of it can be in what is built: of some Go modules, only what they need is looked at."""
        return not self.version.endswith("/go.mod")

    @property
    def title(self) -> str:
        """``name version``, for people."""
        return f"{self.name} {self.version}"
