"""Write a wheel anew: the same content gives the same bytes, and every list in it is true again."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import re
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.tags import parse_tag

from wheelyard.domain import wheel_name
from wheelyard.domain.errors import WheelError

EPOCH = 315532800
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be different in the new wheel; nothing by default."""

    platforms: Sequence[str] = ()
    """Platform tags to replace the old ones."""
    interpreter: str | None = None
    """A Python tag (``cp39``) to replace the old ones."""
    local_version: str | None = None
    """A local version label (PEP 440) to be added to the version."""
    without_local_version: str | None = None
    """One that was added so, to be taken off again."""
    variant_label: str | None = None
    """A variant label (PEP 825, a draft) for the end of the file name."""
    build_number: int = 0
    """A build number (PEP 427) to replace the old one; 0: the old one stays."""
    extra: Mapping[str, bytes] = field(default_factory=dict)
    """Files to be added, by their path below the dist-info folder."""


_UNCHANGED = Changes()


def rewrite(
    wheel: Path, into: Path, changes: Changes = _UNCHANGED, *, filename: str | None = None, epoch: int = EPOCH
) -> Path:
    """Write ``wheel`` into the folder ``into`` and return the new file.

    Members are ordered (dist-info last, RECORD at the very end), all have the time ``epoch`` and plain modes, RECORD
    is made from what is written. Names are not judged here: check the result.

    :param filename: its name, where ``wheel`` is a blob of the store.
    :param epoch: seconds since 1970; a zip archive holds nothing before 1980.
    :raises WheelError: if the wheel has not the parts that are to be changed.
    """
    old = filename or wheel.name
    with zipfile.ZipFile(wheel) as source:
        members = [member for member in source.infolist() if not member.is_dir()]
        plan = _Plan.of(old, [member.filename for member in members], changes)
        into.mkdir(parents=True, exist_ok=True)
        path = into / plan.filename(old, changes)
        record: list[tuple[str, str, str]] = []
        when = time.gmtime(max(epoch, EPOCH))[:6]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as sink:
            for name, blocks, executable in plan.members(source, members, changes):
                info = zipfile.ZipInfo(name, when)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.create_system = 3
                info.external_attr = (0o100755 if executable else 0o100644) << 16
                digest, size = hashlib.sha256(), 0
                with sink.open(info, "w", force_zip64=False) as stream:
                    for block in blocks:
                        stream.write(block)
                        digest.update(block)
                        size += len(block)
                encoded = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
                record.append((name, f"sha256={encoded}", str(size)))
            listing = io.StringIO(newline="")
            csv.writer(listing, lineterminator="\n").writerows([*record, (f"{plan.new_info}/RECORD", "", "")])
            info = zipfile.ZipInfo(f"{plan.new_info}/RECORD", when)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            sink.writestr(info, listing.getvalue())
    return path


def labelled(version: str, label: str) -> str:
    """Return a version with a local version label (PEP 440), put behind the one that it may have already."""
    return f"{version}{'.' if '+' in version else '+'}{label}"


def _renumbered(version: str, changes: Changes) -> str:
    if (gone := changes.without_local_version) is not None:
        version = version.removesuffix(gone)[:-1] if version.endswith((f"+{gone}", f".{gone}")) else version
    return labelled(version, changes.local_version) if changes.local_version else version


@dataclass(frozen=True, slots=True)
class _Plan:
    """Old and new names of the folders that have the version in them."""

    old_info: str
    new_info: str

    @classmethod
    def of(cls, filename: str, names: Sequence[str], changes: Changes) -> _Plan:
        infos = {name.partition("/")[0] for name in names if ".dist-info/" in name}
        infos = {name for name in infos if name.endswith(".dist-info")}
        if len(infos) != 1:
            raise WheelError(f"it has {len(infos)} .dist-info folders, not one", where=filename)
        old = infos.pop()
        return cls(old, f"{_renumbered(old.removesuffix('.dist-info'), changes)}.dist-info")

    def filename(self, old: str, changes: Changes) -> str:
        try:
            wheel = wheel_name.parse(old)
        except wheel_name.InvalidWheelFilename as error:
            raise WheelError("its name is not a wheel's", where=old) from error
        new = replace(
            wheel,
            version=_renumbered(wheel.version, changes),
            platform=".".join(changes.platforms) or wheel.platform,
            python=changes.interpreter or wheel.python,
            build=str(changes.build_number or wheel.build),
            label=changes.variant_label or wheel.label,
        )
        return str(new)

    def members(
        self, source: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], changes: Changes
    ) -> Iterator[tuple[str, Iterator[bytes], bool]]:
        """Yield new name, content in pieces and whether it is executable, in the order of the new archive."""
        renamed = {self._renamed(member.filename): member for member in members}
        # Signatures are of the old list (PEP 427).
        for gone in ("RECORD", "RECORD.jws", "RECORD.p7s"):
            renamed.pop(f"{self.new_info}/{gone}", None)
        added = {f"{self.new_info}/{name}": content for name, content in changes.extra.items()}
        for name in sorted({*renamed, *added}, key=lambda name: (name.startswith(f"{self.new_info}/"), name)):
            if name in added:
                yield name, iter((added[name],)), False
                continue
            member = renamed[name]
            executable = bool((member.external_attr >> 16) & 0o111)
            if name == f"{self.new_info}/WHEEL" and (changes.platforms or changes.interpreter or changes.build_number):
                yield name, iter((_retagged(source.read(member), changes),)), False
            elif name == f"{self.new_info}/METADATA" and self.new_info != self.old_info:
                yield name, iter((_relabelled(source.read(member), changes),)), False
            else:
                yield name, _blocks(source, member), executable

    def _renamed(self, name: str) -> str:
        for suffix in (".dist-info", ".data"):
            old = self.old_info.removesuffix(".dist-info") + suffix
            if name.startswith(f"{old}/"):
                return self.new_info.removesuffix(".dist-info") + suffix + name[len(old) :]
        return name


def _blocks(source: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with source.open(member) as stream:
        while block := stream.read(_CHUNK):
            yield block


def _retagged(content: bytes, changes: Changes) -> bytes:
    """Return WHEEL with other platforms, another interpreter or build number, the rest of its tags the same."""
    lines = content.decode("utf-8").replace("\r\n", "\n").rstrip("\n").split("\n")
    old = {tag for line in lines if line.startswith("Tag:") for tag in parse_tag(line[4:].strip())}
    pairs = sorted({(changes.interpreter or tag.interpreter, tag.abi) for tag in old})
    platforms = changes.platforms or sorted({tag.platform for tag in old})
    dropped = ("Tag:", "Build:") if changes.build_number else ("Tag:",)
    kept = [line for line in lines if not line.startswith(dropped) and line]
    kept += [f"Build: {changes.build_number}"] if changes.build_number else []
    tags = [f"Tag: {python}-{abi}-{each}" for (python, abi), each in itertools.product(pairs, platforms)]
    return ("\n".join([*kept, *tags]) + "\n").encode()


def _relabelled(content: bytes, changes: Changes) -> bytes:
    """Return METADATA with the new version."""
    head, separator, body = content.partition(b"\n\n")
    match = re.search(rb"(?mi)^Version:[ \t]*([^\s]+)", head)
    if match is None:
        raise WheelError("METADATA has no version")
    version = _renumbered(match[1].decode(), changes).encode()
    return head[: match.start(1)] + version + head[match.end(1) :] + separator + body
