"""Looking at a wheelhouse or a bundle at any time: every fault by name, and healing from a bundle."""

import hashlib
import os
import shutil
from typing import IO, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

from wheelyard.host.generations import (
    CURRENT,
    GENERATIONS,
    TRUST,
    current_name,
    generation_path,
    storage_errors,
    unlisted_files,
)
from wheelyard.host.intake import Intake
from wheelyard.host.manifest import MANIFEST, SIGNATURE, Manifest, load_manifest
from wheelyard.host.refusal import EXIT_HASH, Refused
from wheelyard.host.source import check_file, generation_mark, open_source, read_sealed
from wheelyard.host.tarstream import copy_content, no_block
from wheelyard.host.trust import Trust, check_signature, check_time, trust_for
from wheelyard.host.volumes import Volume, check_base, open_volumes, volume_parts

# ``code``: the exit code that an import would end with.
Fault = NamedTuple("Fault", [("name", str), ("path", str), ("message", str), ("code", int)])
Tick = Callable[[int], None]


def no_tick(size: int) -> None:
    """Report nothing."""


def wheelhouse_root(path: str) -> str:
    """Return the wheelhouse that a folder is: itself, or the generation that is published in it."""
    name = current_name(path) if os.path.isdir(os.path.join(path, GENERATIONS)) else None
    return generation_path(path, name) if name else path


def _fault(refused: Refused) -> Fault:
    return Fault(name=refused.name, path=refused.where, message=refused.message, code=refused.code)


def exit_code(faults: List[Fault]) -> int:
    """Return the exit code that faults lead to: that of the first, as an import would end with it; 0 for none."""
    return faults[0].code if faults else 0


def _belief(content: bytes, signature: Optional[str], trust: Optional[Trust]) -> Tuple[Manifest, List[Fault]]:
    """Return a manifest, and what speaks against believing it: the signature is looked at before it is parsed."""
    faults = []
    try:
        if trust is not None:
            check_signature(content, signature, trust)
    except Refused as refused:
        faults.append(_fault(refused))
    manifest = load_manifest(content)
    try:
        check_time(manifest, trust)
    except Refused as refused:
        faults.append(_fault(refused))
    return manifest, faults


def check_tree(root: str, trust: Optional[Trust], tick: Tick = no_tick) -> List[Fault]:
    """Return everything that is wrong with a wheelhouse: each file is read and hashed once, hard links only once.

    Where another generation is published meanwhile, that one is looked at.

    :param trust: None: the signature is not looked at.
    """
    mark = generation_mark(root)
    faults = _faults_of_tree(root, trust, tick)
    while faults and generation_mark(root) != mark:
        mark = generation_mark(root)
        faults = _faults_of_tree(root, trust, tick)
    return faults


def _faults_of_tree(root: str, trust: Optional[Trust], tick: Tick) -> List[Fault]:
    try:
        sealed = read_sealed(root)
        manifest, faults = _belief(sealed.content, sealed.signature, trust)
    except Refused as refused:
        hint = "; this is the manifest that lies there: wheelyard check DIR --repair BUNDLE heals it"
        return [_fault(refused)._replace(path=os.path.join(root, MANIFEST), message=refused.message + hint)]
    return faults + file_faults(root, manifest, tick)


def file_faults(root: str, manifest: Manifest, tick: Tick = no_tick) -> List[Fault]:
    """Return which files of a wheelhouse are not what its manifest says, and which it does not list."""
    faults: List[Fault] = []
    seen: Dict[Tuple[int, int], str] = {}
    for entry in manifest.files:
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
    extra = unlisted_files(root, manifest)
    return faults + [Fault("extra-file", path, "the manifest does not list this file", EXIT_HASH) for path in extra]


def check_bundle(paths: List[str], trust: Optional[Trust], tick: Tick = no_tick) -> Tuple[List[Fault], int]:
    """Return everything that is wrong with a bundle, and how many files of a delta must be there where it goes.

    The judge is the one that an import asks, so what passes here is refused there only for what is published there.
    """
    faults: List[Fault] = []
    taken = 0
    try:
        volumes = open_volumes(paths)
        first = volumes[0]
        manifest, faults = _belief(first.content, first.signature, trust)
        check_base(first, manifest, first.base)
        intake = Intake(manifest, lambda _, size: tick(size))
        intake.read(volumes, lambda refused: faults.append(_fault(refused)))
        if first.base is None:
            message = "the bundle does not hold this file, or not whole"
            faults += [Fault("missing", entry.path, message, EXIT_HASH) for entry in intake.missing()]
        else:
            taken = len(intake.missing())
    except Refused as refused:
        faults.append(_fault(refused))
    return faults, taken


def repair_tree(root: str, paths: List[str], trust: Trust) -> List[str]:
    """Heal a wheelhouse from a bundle and return the paths that were written or removed.

    Files are healed from any bundle that holds their content; a damaged manifest only from a bundle of that manifest,
    which must be signed by a trusted key.

    :raises Refused: if the bundle is not to be believed.
    """
    volumes = open_volumes(paths)
    first = volumes[0]
    check_signature(first.content, first.signature, trust)
    manifest = load_manifest(first.content)
    healed: List[str] = []
    with storage_errors(root):
        try:
            current = open_source(root)
            if first.digest == current.digest:
                raise_unlike(current.signature, first.signature)
            target = current.manifest
        except Refused:
            if is_generation(root) and not root.endswith(first.digest[:12]):
                message = "the manifest that is published can be healed only from the bundle that it came with"
                raise Refused("bad-manifest", message, where=paths[0]) from None
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
            if path.startswith(".") and not is_generation(root):
                continue  # in a folder of the admin's own, who knows whose they are
            os.unlink(os.path.join(root, path))
            healed.append(path)
    return healed


def is_generation(root: str) -> bool:
    """Whether a wheelhouse is a generation of an import folder, which nobody but us writes to."""
    return os.path.basename(os.path.dirname(root)) == GENERATIONS


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


def trust_beside(
    path: str, signers: str = "", revoked: str = "", threshold: Optional[int] = None, allowed: Iterable[str] = ()
) -> Trust:
    """Return the trust for looking at something: what is given, remembered beside it, or the system's."""
    folder = path.rstrip("/")
    if os.path.basename(folder) == CURRENT:
        folder = os.path.dirname(folder)
    elif os.path.basename(os.path.dirname(folder)) == GENERATIONS:
        folder = os.path.dirname(os.path.dirname(folder))
    return trust_for(os.path.join(folder, TRUST), signers, revoked, threshold, allowed)
