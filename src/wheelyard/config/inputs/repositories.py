"""Requirements from version control, as pip writes them: ``git+https://host/x.git@v1.0#subdirectory=python``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from wheelyard.config.inputs.syntax import SyntaxProblem
from wheelyard.config.urls import without_credentials
from wheelyard.domain.repository import Repository

_SCHEMES = ("https", "http", "ssh", "file")
_ADVICE = "write: name @ git+https://host/project.git, and behind it @ with a tag, branch or commit"
_HOST_AND_PATH = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d+)?/")
_REVISION = re.compile(r"[A-Za-z0-9_.][^\s~^:?*\[\\]*")
_NAME = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[(?P<extras>[A-Za-z0-9._,\s-]*)\])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRepository:
    """A repository as somebody wrote it: the name and the secrets taken out of its URL."""

    repository: Repository
    name: str | None = None
    """Of ``#egg=``."""
    extras: tuple[str, ...] = ()
    credentials: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)


def is_repository(text: str) -> bool:
    """Whether a URL is that of a repository, of git or of another system."""
    return re.match(r"(git|hg|svn|bzr)(\+|://|@)", text) is not None


def read_repository(place: str) -> WrittenRepository:
    """Return what the URL of a repository says.

    :raises SyntaxProblem: saying what to do about it; nothing of a secret is in it.
    """
    system, plus, url = place.partition("+")
    if system in ("hg", "svn", "bzr"):
        raise SyntaxProblem(
            f"only git is read, not {system}", "build an sdist of the project (python -m build --sdist) and name that"
        )
    scheme = url.partition("://")[0].lower()
    if not plus or "://" not in url or scheme not in _SCHEMES:
        raise SyntaxProblem("not the URL of a git repository: it is git+https://, git+ssh:// or git+file:///", _ADVICE)
    bare, _, fragment = url.partition("#")
    bare, revision = _split_revision(bare)
    bare, credentials = _separated(scheme, bare)
    if "?" in bare:
        raise SyntaxProblem("a query does not belong into the URL of a repository", _ADVICE)
    if revision and not _REVISION.fullmatch(revision):
        raise SyntaxProblem("not the name of a branch, tag or commit behind the @", _ADVICE)
    facts = dict(part.partition("=")[::2] for part in fragment.split("&"))
    egg = _NAME.fullmatch(unquote(facts.get("egg", "")))
    extras = egg["extras"] if egg and egg["extras"] else ""
    return WrittenRepository(
        repository=Repository(
            url=bare, revision=revision or None, subdirectory=_subdirectory(unquote(facts.get("subdirectory", "")))
        ),
        name=egg["name"] if egg else None,
        extras=tuple(part.strip() for part in extras.split(",") if part.strip()),
        credentials=credentials,
    )


def pinned(url: str, revision: str | None, subdirectory: str | None = None) -> WrittenRepository:
    """Return the repository of a lock's entry, which has its parts apart.

    :raises SyntaxProblem: as for ``read_repository``.
    """
    url = url.removeprefix("git+")
    if "://" not in url:
        scp = re.fullmatch(r"([\w.-]+@[\w.-]+):(?!/)(.+)", url)
        url = f"ssh://{scp[1]}/{scp[2]}" if scp else url
    behind = f"#subdirectory={subdirectory}" if subdirectory else ""
    return read_repository(f"git+{url}{'@' + revision if revision else ''}{behind}")


def _split_revision(url: str) -> tuple[str, str]:
    """Split what is behind the last ``@`` of a URL's path."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    path, _, revision = path.rpartition("@") if "@" in path else (path, "", "")
    if "@" in path or ("@" not in host and _HOST_AND_PATH.match(revision)):
        raise SyntaxProblem(
            "an @ behind the host: in a user name or password write / as %2F, ? as %3F, # as %23 and @ as %40",
            "a branch of such a name is written whole: @refs/heads/…",
        )
    return f"{scheme}://{host}{slash}{path}", revision


def _separated(scheme: str, url: str) -> tuple[str, dict[str, tuple[str, str]]]:
    try:
        bare, credentials = without_credentials(url)
        parts = urlsplit(url)
    except ValueError as error:
        raise SyntaxProblem(str(error), "check its host and port") from None
    if scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise SyntaxProblem("a repository of this machine is written with three strokes", "git+file:///path")
        return bare, {}
    host = parts.hostname or ""
    if not host or host.startswith("-") or not parts.path.strip("/"):
        raise SyntaxProblem("not the URL of a git repository", _ADVICE)
    if scheme == "ssh":
        if parts.password:
            raise SyntaxProblem("ssh takes keys, no password in the URL", "take the password out")
        if parts.username and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", parts.username):
            raise SyntaxProblem("not a user name of ssh", "it is most often git")
        return url, {}
    return bare, credentials


def _subdirectory(text: str) -> str | None:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or any(letter.isspace() for letter in text):
        raise SyntaxProblem("the subdirectory leads out of the repository", "name it from the repository's top")
    return path.as_posix() if path.parts else None
