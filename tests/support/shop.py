"""Sites of crafted wheels, with their blobs in a store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.support.packages import make_wheel
from wheelyard.domain.proof import Proof
from wheelyard.domain.site import Entry, Folder, Published, Site, Wheel
from wheelyard.domain.target import Target
from wheelyard.index.publish import publish
from wheelyard.store.blobs import Store

TARGET = Target(name="el9", python="3.9", python_full="3.9.18", platform="manylinux_2_34_x86_64", pip="21.2.3")


class Shop:
    """Makes wheels into a store, and sites from them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store(root / "store")
        self.into = root / "wheelhouse"

    def entry(
        self,
        name: str,
        version: str = "1.0",
        *,
        requires: Sequence[str] = (),
        requires_python: str | None = ">=3.6",
        yanked: str | None = None,
        content: str = "",
        source: str = "main",
    ) -> Entry:
        """Make a wheel; ``content`` makes it another one of the same name."""
        module = name.replace("-", "_").lower()
        folder = self.root / "made" / hashlib.sha256(content.encode()).hexdigest()[:8]
        path = make_wheel(
            folder,
            name,
            version,
            requires=requires,
            requires_python=requires_python,
            files={f"{module}.py": f"VERSION = {version!r}\n{content}"},
        )
        wheel = Wheel(
            filename=path.name,
            sha256=self.store.add_file(path),
            size=path.stat().st_size,
            name=canonicalize_name(name),
            version=version,
            requires_python=requires_python,
            yanked=yanked,
        )
        return Entry(wheel=wheel, origin="upstream", source=source)

    def publish(self, site: Site, into: Path | None = None) -> Published:
        """Publish to the shop's own wheelhouse, or to another folder."""
        return publish(site, store=self.store, into=into or self.into)


def folder(name: str, entries: Sequence[Entry], *, variant: str | None = None) -> Folder:
    """Return a target's folder with a hash-locked requirements file of all its entries."""
    lines = [f"{entry.wheel.name}=={entry.wheel.version} --hash=sha256:{entry.wheel.sha256}\n" for entry in entries]
    return Folder(
        name=name,
        target=replace(TARGET, name=name.partition(".")[0]),
        entries=tuple(entries),
        requirements_txt="".join(lines),
        pylock_toml='lock-version = "1.0"\n',
        proof=Proof(target=name, outcome="proven", reason="installed and imported"),
        variant=variant,
    )


def state_of(into: Path) -> Path:
    """Return where a publisher keeps what it needs beside a wheelhouse."""
    return into.parent / f".{into.name}.wheelyard"


def left_over(into: Path) -> list[str]:
    """Return what a publication that is over should not have left: all beside the wheelhouse that has no use."""
    known = {"lock", "published.json", "before", "replaced", ".gitignore"}
    return sorted(path.name for path in state_of(into).iterdir() if path.name not in known)


def contents(root: Path) -> dict[str, str]:
    """Return path → sha256 of every file of a site; what begins with a dot is not of it."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    }


def stamps(root: Path) -> dict[str, tuple[int, int]]:
    """Return path → inode and time of change of content, of every file of a site."""
    return {
        path.relative_to(root).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    }
