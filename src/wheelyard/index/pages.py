"""The pages for installers: HTML by templates that escape everything, JSON by the JSON module, links all relative."""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from packaging.version import InvalidVersion, Version

from wheelyard.domain.site import Wheel

if TYPE_CHECKING:
    import jinja2

API_VERSION = "1.1"
"""PEP 700: ``versions``, ``size`` and ``upload-time`` beside what PEP 691 has."""
_FORMAT = 2


class Page(NamedTuple):
    """A page to be: the key of what is written on it, and how to write it."""

    key: str
    make: Callable[[], str | bytes]


def compressed(pages: Iterable[tuple[str, Page]]) -> Iterator[tuple[str, Page]]:
    """Yield pages, each with a copy that a web server can send as it is: ``index.html.gz`` (nginx: ``gzip_static``)."""
    for path, page in pages:
        yield path, page
        yield f"{path}.gz", Page(page.key, functools.partial(_gzip, page))


def _gzip(page: Page) -> bytes:
    content = page.make()
    return gzip.compress(content.encode() if isinstance(content, str) else content, 9, mtime=0)


def document(content: bytes) -> Page:
    """Return a page that is these bytes."""
    return Page(hashlib.sha256(content).hexdigest(), lambda: content)


@functools.cache
def environment() -> jinja2.Environment:
    """Return the template environment: autoescape on, an undefined name is an error."""
    # late: a publication that changes no page renders none
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("wheelyard.index", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["href"] = href
    return made


@functools.cache
def generation() -> str:
    """Return a digest of the templates: pages made by others are made anew."""
    with resources.as_file(resources.files("wheelyard.index") / "templates") as folder:
        paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        sources = [(folder / path).read_bytes() for path in paths]
    return hashlib.sha256(b"\0".join([str(_FORMAT).encode(), *sources])).hexdigest()[:16]


def href(path: str) -> str:
    """Return a relative path as it is written in a link (``+`` as ``%2B``: object stores read it as a space)."""
    return quote(path, safe="/")


def digest(parts: Iterable[str]) -> str:
    """Return the key of a page made of these texts."""
    return hashlib.blake2b("\n".join([generation(), *parts]).encode(), digest_size=16).hexdigest()


def facts(wheel: Wheel, metadata: str | None) -> str:
    """Return everything about a file that a page shows, as one text."""
    return (
        f"{wheel.filename}\t{wheel.sha256}\t{wheel.size}\t{wheel.version}\t{wheel.requires_python!r}\t{wheel.yanked!r}"
        f"\t{wheel.upload_time!r}\t{wheel.provenance!r}\t{metadata}"
    )


@functools.lru_cache(maxsize=1 << 16)
def version_key(version: str) -> tuple[int, Version | str]:
    """Return what versions are ordered by; those that PEP 440 does not know come first."""
    try:
        return 1, Version(version)
    except InvalidVersion:
        return 0, version


def in_order(wheels: Iterable[Wheel]) -> list[Wheel]:
    """Return files by version, then by name."""
    return sorted(wheels, key=lambda wheel: (version_key(wheel.version), wheel.filename))


def project_html(name: str, wheels: Sequence[Wheel], metadata: Mapping[str, str], up: str) -> str:
    """Return the PEP 503 page of a project, with PEP 592 yanks and PEP 658/714 metadata.

    :param metadata: by file name, the SHA-256 of the METADATA that lies beside the file.
    :param up: relative path from the page to the folder that holds the files, with a slash at the end.
    """
    return environment().get_template("project.html.j2").render(name=name, wheels=wheels, metadata=metadata, up=up)


def project_json(name: str, wheels: Sequence[Wheel], metadata: Mapping[str, str], up: str) -> str:
    """Return the PEP 691/700 page of a project; parameters as for ``project_html``."""
    versions = dict.fromkeys(wheel.version for wheel in wheels)
    return _json(
        {
            "meta": {"api-version": API_VERSION},
            "name": name,
            "versions": list(versions),
            "files": [_file(wheel, metadata.get(wheel.filename), up) for wheel in wheels],
        }
    )


def _file(wheel: Wheel, metadata: str | None, up: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "filename": wheel.filename,
        "url": up + href(wheel.filename),
        "hashes": {"sha256": wheel.sha256},
        "size": wheel.size,
    }
    if wheel.requires_python:
        made["requires-python"] = wheel.requires_python
    if wheel.yanked is not None:
        made["yanked"] = wheel.yanked or True
    if wheel.upload_time:
        made["upload-time"] = wheel.upload_time
    if metadata:
        made["core-metadata"] = {"sha256": metadata}
    if wheel.provenance:
        made["provenance"] = wheel.provenance
    return made


def root_html(names: Sequence[str]) -> str:
    """Return the PEP 503 page that lists all projects."""
    return environment().get_template("root.html.j2").render(names=names)


def root_json(names: Sequence[str]) -> str:
    """Return the PEP 691 page that lists all projects."""
    return _json({"meta": {"api-version": API_VERSION}, "projects": [{"name": name} for name in names]})


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True) + "\n"
