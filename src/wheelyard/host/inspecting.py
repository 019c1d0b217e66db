"""Looking at a wheelhouse or a bundle at any time: every fault by name, and healing from a bundle."""

import hashlib
import os
import shutil
from typing import IO, Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from wheelyard.host.generations import (
    CURRENT,
    GENERATIONS,
    TRUST,
    current_name,
    generation_path,
    storage_errors,
    unlisted_files,
)
from wheelyard.host.manifest import MANIFEST, SIGNATURE, Manifest
from wheelyard.host.records import SYSTEM_TRUST, known_trust
from wheelyard.host.refusal import Refused
from wheelyard.host.source import check_file, open_source
from wheelyard.host.tarstream import copy_content
from wheelyard.host.trust import Trust, check_signature, check_time, make_trust
from wheelyard.host.volumes import Part, Volume, open_bundle, volume_parts

Fault = NamedTuple("Fault", [("name", str), ("path", str), ("message", str)])
Tick = Callable[[int], None]


def no_tick(size: int) -> None:
    """Report nothing."""


def wheelhouse_root(path: str) -> str:
    """Return the wheelhouse that a folder is: itself, or the generation that is published in it."""
    name = current_name(path) if os.path.isdir(os.path.join(path, GENERATIONS)) else None
    return generation_path(path, name) if name else path


def _fault(refused: Refused) -> Fault:
    return Fault(name=refused.name, path=refused.where, message=refused.message)


def _belief(content: bytes, signature: Optional[str], manifest: Manifest, trust: Optional[Trust]) -> List[Fault]:
    faults = []
    try:
        if trust is not None:
            check_signature(content, signature, trust)
    except Refused as refused:
        faults.append(_fault(refused))
    try:
        check_time(manifest, trust.allowed if trust is not None else frozenset())
    except Refused as refused:
        faults.append(_fault(refused))
    return faults


def check_tree(root: str, trust: Optional[Trust], tick: Tick = no_tick) -> List[Fault]:
    """Return everything that is wrong with a wheelhouse: each file is read and hashed once, hard links only once.

    :param trust: None: the signature is not looked at.
    """
    try:
        source = open_source(root)
    except Refused as refused:
        return [_fault(refused)]
    faults = _belief(source.content, source.signature, source.manifest, trust)
    seen: Dict[Tuple[int, int], str] = {}
    for entry in source.manifest.files:
        path = os.path.join(root, *entry.path.split("/"))
        try:
            status = os.lstat(path)
            same = seen.get((status.st_dev, status.st_ino)) == entry.sha256
        except OSError:
            same = False
        if not same:
            try:
                check_file(root, entry)
                seen[(status.st_dev, status.st_ino)] = entry.sha256
            except Refused as refused:
                faults.append(_fault(refused))
        tick(entry.size)
    extra = [path for path in unlisted_files(root, source.manifest) if not path.startswith(".")]
    return faults + [Fault("extra-file", path, "the manifest does not list this file") for path in extra]


class _Reading:
    """What the volumes of a bundle hold, noted while they are read."""

    def __init__(self, manifest: Manifest, tick: Tick) -> None:
        self.faults: List[Fault] = []
        self.held: Set[str] = set()
        self._wanted = {entry.path: entry for entry in manifest.files}
        self._pieces: Dict[str, Any] = {}
        self._tick = tick

    def volume(self, volume: Volume) -> None:
        """Read one volume."""
        with open(volume.path, "rb") as stream:
            for part in volume_parts(volume, stream):
                piece = part.piece[0] if part.piece is not None else ""
                state = self._pieces.setdefault(piece, hashlib.sha256()) if piece else hashlib.sha256()

                def sink(block: bytes, state: Any = state) -> None:
                    state.update(block)
                    self._tick(len(block))

                copy_content(stream, part.size, sink, volume.path)
                if not piece and part.splice is None:  # a splice shows its hash only where the older file is
                    self._file(part, state.hexdigest())

    def _file(self, part: Part, digest: str) -> None:
        entry = self._wanted.get(part.path)
        if entry is None:
            self.faults.append(Fault("extra-file", part.path, "the manifest does not list this member"))
        elif part.link is None:
            self.held.add(entry.sha256)  # named once, not as missing too
            if digest != entry.sha256:
                self.faults.append(Fault("changed", part.path, "the content is not what the manifest says"))

    def finish(self, full: bool) -> None:
        """Note what is not there."""
        self.held.update(digest for digest, state in self._pieces.items() if state.hexdigest() == digest)
        for path, entry in self._wanted.items():
            if full and entry.sha256 not in self.held:
                self.faults.append(Fault("missing", path, "the bundle does not hold this file, or not whole"))


def check_bundle(paths: List[str], trust: Optional[Trust], tick: Tick = no_tick) -> List[Fault]:
    """Return everything that is wrong with a bundle; of a delta, only what it holds can be looked at."""
    faults: List[Fault] = []
    try:
        volumes, manifest = open_bundle(paths)
        faults = _belief(volumes[0].content, volumes[0].signature, manifest, trust)
        reading = _Reading(manifest, tick)
        for volume in volumes:
            reading.volume(volume)
        reading.finish(volumes[0].base is None)
    except Refused as refused:
        return [*faults, _fault(refused)]
    return faults + reading.faults


def repair_tree(root: str, paths: List[str], trust: Trust) -> List[str]:
    """Heal a wheelhouse from a bundle and return the paths that were written or removed.

    Files are healed from any bundle that holds their content; a damaged manifest only from a bundle of that manifest,
    which must be signed by a trusted key.

    :raises Refused: if the bundle is not to be believed.
    """
    volumes, manifest = open_bundle(paths)
    first = volumes[0]
    check_signature(first.content, first.signature, trust)
    healed: List[str] = []
    with storage_errors(root):
        try:
            current = open_source(root)
            if first.digest == current.digest:
                raise_unlike(current.signature, first.signature)
            target = current.manifest
        except Refused:
            target = manifest
            _put(os.path.join(root, MANIFEST), first.content)
            _put(os.path.join(root, SIGNATURE), (first.signature or "").encode())
            healed.append(MANIFEST)
        broken: Dict[str, List[str]] = {}
        for entry in target.files:
            try:
                check_file(root, entry)
            except Refused:
                broken.setdefault(entry.sha256, []).append(entry.path)
        healed += _heal(root, volumes, manifest, target, broken)
        for path in unlisted_files(root, target):
            if not path.startswith("."):
                os.unlink(os.path.join(root, path))
                healed.append(path)
    return healed


def raise_unlike(here: Optional[str], there: Optional[str]) -> None:
    """Raise Refused if two signatures are not the same text."""
    if here != there:
        raise Refused("bad-signature", "the signature is not the bundle's")


def _heal(
    root: str, volumes: List[Volume], manifest: Manifest, target: Manifest, broken: Dict[str, List[str]]
) -> List[str]:
    """Write the contents that are broken, out of the volumes and out of good files of the same content."""
    healed: List[str] = []
    digests = {entry.path: entry.sha256 for entry in manifest.files}
    for entry in target.files:
        paths = broken.get(entry.sha256)
        if paths and entry.path not in paths:  # another name of the same content is whole
            shutil.copyfile(os.path.join(root, *entry.path.split("/")), _fresh(root, paths[0]))
            healed += _put_all(root, broken.pop(entry.sha256))
    for volume in volumes:
        with open(volume.path, "rb") as stream:
            for part in volume_parts(volume, stream):
                digest = digests.get(part.path, "")
                if part.link is not None or digest not in broken:
                    copy_content(stream, part.size, no_block, volume.path)
                    continue
                state = hashlib.sha256()
                with open(_fresh(root, broken[digest][0]), "wb") as writer:

                    def sink(block: bytes, state: "hashlib._Hash" = state, writer: IO[bytes] = writer) -> None:
                        state.update(block)
                        writer.write(block)

                    copy_content(stream, part.size, sink, volume.path)
                    writer.flush()
                    os.fsync(writer.fileno())
                if state.hexdigest() == digest:
                    healed += _put_all(root, broken.pop(digest))
                else:
                    os.unlink(_fresh(root, broken[digest][0]))
    return healed


def no_block(block: bytes) -> None:
    """Drop a piece of a file."""


def _fresh(root: str, path: str) -> str:
    """Return the name that a file has until it is whole."""
    goal = os.path.join(root, *path.split("/"))
    os.makedirs(os.path.dirname(goal), exist_ok=True)
    return goal + ".new~"


def _put_all(root: str, paths: List[str]) -> List[str]:
    """Put a file that is whole now in place, and hard links to it at the other paths."""
    first = os.path.join(root, *paths[0].split("/"))
    os.replace(first + ".new~", first)
    for path in paths[1:]:
        os.link(first, _fresh(root, path))
        os.replace(_fresh(root, path), os.path.join(root, *path.split("/")))
    return paths


def _put(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new~", "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(path + ".new~", path)


def trust_beside(path: str, signers: str = "", revoked: str = "", threshold: int = 1) -> Optional[Trust]:
    """Return the trust for looking at something: what is given, remembered beside it, or the system's; else None."""
    folder = os.path.dirname(path.rstrip("/")) if os.path.basename(path.rstrip("/")) == CURRENT else path
    known = known_trust(os.path.join(folder, TRUST)) if os.path.isdir(folder) else known_trust(SYSTEM_TRUST)
    text = signers or known["signers"]
    return make_trust(text, known["revoked"] + revoked, threshold) if text else None
