"""Crafted distributions: real wheels and sdists, small, the same bytes every time."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)


def metadata(
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    requires_python: str | None = None,
    extras: Sequence[str] = (),
    headers: Sequence[str] = (),
) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "Summary: a crafted package"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Dist: {line}" for line in requires]
    lines += headers
    return "\n".join(lines) + "\n"


def _digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    tag: str = "py3-none-any",
    files: Mapping[str, str | bytes] | None = None,
    requires: Sequence[str] = (),
    requires_python: str | None = None,
    extras: Sequence[str] = (),
    headers: Sequence[str] = (),
) -> Path:
    """Write a wheel; without ``files`` it holds a module of the project's name."""
    escaped = name.replace("-", "_")
    info = f"{escaped}-{version}.dist-info"
    members: dict[str, bytes] = {
        path: content.encode() if isinstance(content, str) else content
        for path, content in (files or {f"{escaped.lower()}.py": f"VERSION = {version!r}\n"}).items()
    }
    members[f"{info}/METADATA"] = metadata(
        name, version, requires=requires, requires_python=requires_python, extras=extras, headers=headers
    ).encode()
    pure = "true" if tag.endswith("-any") else "false"
    expanded = [
        f"{p}-{a}-{s}"
        for p in tag.split("-")[0].split(".")
        for a in tag.split("-")[1].split(".")
        for s in tag.split("-")[2].split(".")
    ]
    tags = "".join(f"Tag: {each}\n" for each in expanded)
    members[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: crafted\nRoot-Is-Purelib: {pure}\n{tags}".encode()
    record = "".join(f"{path},{_digest(content)},{len(content)}\n" for path, content in members.items())
    members[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{escaped}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member, EPOCH), content)
    return path


def make_sdist(folder: Path, name: str, version: str, files: Mapping[str, str | bytes]) -> Path:
    """Write an sdist with the given files below ``name-version/``; a minimal PKG-INFO is added if there is none."""
    escaped = name.replace("-", "_")
    top = f"{escaped}-{version}"
    members = {"PKG-INFO": metadata(name, version), **files}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member, content in members.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(f"{top}/{member}")
            info.size = len(data)
            info.mtime = 315532800
            archive.addfile(info, io.BytesIO(data))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{top}.tar.gz"
    path.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
    return path
