"""A project in a repository under version control, as it is required, and at the commit that it was locked at."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A project in a git repository."""

    url: str
    """Without user name and password; that of ssh keeps its user, who is no secret."""
    revision: str | None = None
    """The branch, tag or commit that is asked for; None: whatever the repository calls its head."""
    subdirectory: str | None = None
    """Where in it the project is; None: at its top."""

    @property
    def direct(self) -> str:
        """The same as one URL (PEP 440, direct references): ``git+https://host/x.git@v1.0#subdirectory=python``."""
        revision = f"@{self.revision}" if self.revision else ""
        subdirectory = f"#subdirectory={self.subdirectory}" if self.subdirectory else ""
        return f"git+{self.url}{revision}{subdirectory}"

    @property
    def shown(self) -> str:
        """What a person reads: ``https://host/x.git at v1.0``."""
        return f"{self.url} at {self.revision}" if self.revision else self.url

    @property
    def stem(self) -> str:
        """The repository's own name: ``x``."""
        return unquote(urlsplit(self.url).path).rstrip("/").rpartition("/")[2].removesuffix(".git") or "repository"


def from_direct(direct: str) -> Repository | None:
    """Return what ``Repository.direct`` says; None for the URL or path of anything else."""
    if not direct.startswith("git+"):
        return None
    bare, _, fragment = direct.removeprefix("git+").partition("#")
    scheme, _, rest = bare.partition("://")
    host, _, path = rest.partition("/")
    path, _, revision = path.partition("@")
    subdirectory = fragment.removeprefix("subdirectory=")
    return Repository(url=f"{scheme}://{host}/{path}", revision=revision or None, subdirectory=subdirectory or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Where an sdist was made from: one commit of a repository, which will never be another."""

    repository: Repository
    commit: str
    """The whole hash, in hexadecimal digits."""

    @property
    def shown(self) -> str:
        """What a person reads: ``https://host/x.git at v1.0 (commit 0123…)``."""
        if self.repository.revision == self.commit:
            return self.repository.shown
        return f"{self.repository.shown} (commit {self.commit})"
