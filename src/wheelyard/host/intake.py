"""The judge of what a bundle holds, member by member: ``import`` and ``check`` ask the same one.

By itself it only looks. What an import does with the bytes is added to it in ``applying``.
"""

import contextlib
import hashlib
from typing import IO, Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Set

from wheelyard.host.manifest import FileEntry, Manifest
from wheelyard.host.refusal import EXIT_HASH, Refused
from wheelyard.host.splicing import check_plan, read_plan, splice
from wheelyard.host.tarstream import copy_content, no_block
from wheelyard.host.volumes import Part, Volume, volume_parts

Progress = Callable[[str, int], None]
Sink = Callable[[bytes], object]

# A file that comes in pieces, as far as it came.
_Pieces = NamedTuple("_Pieces", [("count", int), ("size", int), ("state", Any)])


def no_progress(path: str, size: int) -> None:
    """Report nothing."""


def _changed(message: str, where: str) -> Refused:
    return Refused("changed", message, where=where, code=EXIT_HASH)


def _extra(message: str, where: str) -> Refused:
    return Refused("extra-file", message, where=where, code=EXIT_HASH)


class Intake:
    """Reads the volumes of a bundle once and refuses every member that its manifest does not account for."""

    def __init__(self, manifest: Manifest, progress: Progress = no_progress) -> None:
        self.wanted: Dict[str, FileEntry] = {entry.path: entry for entry in manifest.files}
        self.contents: Dict[str, FileEntry] = {}
        for entry in manifest.files:
            self.contents.setdefault(entry.sha256, entry)
        # sha256 -> path of the file that holds it
        self.held: Dict[str, str] = {}
        # bytes of members that were taken
        self.brought = 0
        self._names: Set[str] = set()
        self._pieces: Dict[str, _Pieces] = {}
        self._progress = progress

    def read(self, volumes: List[Volume], wrong: Optional[Callable[[Refused], object]] = None) -> None:
        """Read all volumes.

        :param wrong: is told what is wrong with a member, and the reading goes on; None: the first fault is raised.
        """
        for volume in volumes:
            with open(volume.path, "rb") as stream:
                for part in volume_parts(volume, stream):
                    start = stream.tell()
                    try:
                        self._member(stream, part, volume.path)
                    except Refused as refused:
                        if wrong is None or refused.name == "truncated":
                            raise
                        wrong(refused)
                        stream.seek(start + part.size)

    def missing(self) -> List[FileEntry]:
        """Return the files whose content the bundle did not hold."""
        return [entry for entry in self.wanted.values() if entry.sha256 not in self.held]

    # What an import does in addition

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[Sink]:  # noqa: ARG002
        """Yield where the bytes of a file go."""
        yield no_block

    @contextlib.contextmanager
    def appending(self, digest: str) -> Iterator[Sink]:  # noqa: ARG002
        """Yield where the next piece of a file goes."""
        yield no_block

    def joined(self, digest: str) -> None:
        """Learn that all pieces of a file are there, and are right."""

    def older(self, digest: str, entry: FileEntry) -> Optional[str]:  # noqa: ARG002
        """Return the older file that another one is made of; None where it cannot be made, only looked at."""
        return None

    # Judging

    def _member(self, stream: IO[bytes], part: Part, where: str) -> None:
        if part.path in self._names:
            raise _changed("the member is there twice", ascii(part.path))
        self._names.add(part.path)
        if part.piece is not None:
            self._piece(stream, part, where)
        elif part.splice is not None:
            self._splice(stream, part, where)
        else:
            self._file(stream, part, where)
        self.brought += part.size

    def _file(self, stream: IO[bytes], part: Part, where: str) -> None:
        entry = self.wanted.get(part.path)
        if entry is None:
            raise _extra("the manifest does not list this member", ascii(part.path))
        if part.link is not None:
            other = self.wanted.get(part.link)
            if other is None or other.sha256 != entry.sha256:
                raise Refused("unsafe-member", "a hard link to something else", where=part.path)
        elif part.size != entry.size or entry.sha256 in self.held:
            raise _changed("the member is not as large as the manifest says, or is there twice", part.path)
        else:
            self._keep(entry, lambda sink: copy_content(stream, part.size, sink, where))

    def _keep(self, entry: FileEntry, fill: Callable[[Sink], None]) -> None:
        """Take a file as ``fill`` hands its bytes out, and refuse it if its hash is not the promised one."""
        state = hashlib.sha256()
        with self.writing(entry.path) as write:

            def sink(block: bytes) -> None:
                state.update(block)
                write(block)
                self._progress(entry.path, len(block))

            fill(sink)
            self.held[entry.sha256] = entry.path  # named once as changed, not as missing too
            if state.hexdigest() != entry.sha256:
                raise _changed("the content is not what the manifest says", entry.path)

    def _piece(self, stream: IO[bytes], part: Part, where: str) -> None:
        """Take a part of a file that was too large for one volume."""
        digest, number = part.piece or ("", 0)
        entry, before = self.contents.get(digest), self._pieces.get(digest, _Pieces(0, 0, hashlib.sha256()))
        if entry is None or digest in self.held or part.link is not None or number != before.count + 1:
            raise _extra("a piece that nothing needs, or out of order", ascii(part.path))
        if before.size + part.size > entry.size:
            raise _changed("the pieces are larger than the file", entry.path)
        with self.appending(digest) as write:

            def sink(block: bytes) -> None:
                before.state.update(block)
                write(block)
                self._progress(entry.path, len(block))

            copy_content(stream, part.size, sink, where)
        now = self._pieces[digest] = _Pieces(number, before.size + part.size, before.state)
        if now.size == entry.size:
            self.held[digest] = entry.path
            if now.state.hexdigest() != digest:
                raise _changed("the pieces do not make the file", entry.path)
            self.joined(digest)

    def _splice(self, stream: IO[bytes], part: Part, where: str) -> None:
        """Take a file that is made of an older one of the published generation."""
        entry = self.contents.get(part.splice or "")
        if entry is None or entry.sha256 in self.held or part.link is not None:
            raise _extra("a splice that nothing needs", ascii(part.path))
        old_digest, ops, new = read_plan(stream, part.size, where)
        check_plan(ops, new, entry.size, entry.path)
        place = self.older(old_digest, entry)
        if place is None:
            copy_content(stream, new, no_block, where)
            self.held[entry.sha256] = entry.path
            return
        with open(place, "rb") as old:
            self._keep(entry, lambda sink: splice(stream, ops, old, sink))
