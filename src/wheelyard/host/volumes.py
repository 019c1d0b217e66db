"""Reading a bundle: one plain tar, or several of a given size, each of which says which part of what it is.

Every volume begins with ``bundle.json``, ``manifest.json`` and, if it is signed, ``manifest.json.sig`` below one
folder, which extracting with plain ``tar`` makes. ``bundle.json`` is not signed and decides nothing: it lets a wrong
set of volumes, or a delta that does not fit, be named before anything is read. What counts is that every file of the
signed manifest is there, with its hash, and that a delta is against the manifest that this one calls ``previous``.
"""

import os
import re
from typing import IO, Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from wheelyard.host.manifest import BUNDLE, MANIFEST, MAX_MANIFEST, SIGNATURE, Manifest, bounded_json, digest_of
from wheelyard.host.refusal import EXIT_HASH, EXIT_USAGE, Refused
from wheelyard.host.sshsig import MAX_SIGNATURES
from wheelyard.host.tarstream import BLOCK, Member, read_exactly, tar_members

PIECES = ".pieces"
_MAX_DESCRIPTION = 4 << 10
_MAX_PADDING = 1 << 20  # bytes of zeros behind the end: tar fills up its last record
_TOP = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}\Z")
_SPLICE = re.compile(r"\.splices/([0-9a-f]{64})\Z")
_PIECE = re.compile(r"\.pieces/([0-9a-f]{64})\.([0-9]{3})\Z")

Volume = NamedTuple(
    "Volume",
    [
        ("path", str),
        ("top", str),
        ("number", int),
        ("count", int),
        ("base", Optional[str]),  # sha256 of the manifest that a delta is against; None: a full bundle
        ("content", bytes),
        ("digest", str),
        ("signature", Optional[str]),
    ],
)

# ``piece`` is (sha256, number) where the member is a part of a file that fits no volume.
# ``splice`` is the sha256 of a file where the member says how to make it out of an older one.
Part = NamedTuple(
    "Part",
    [
        ("path", str),
        ("size", int),
        ("link", Optional[str]),
        ("piece", Optional[Tuple[str, int]]),
        ("splice", Optional[str]),
    ],
)


def is_bundle(path: str) -> bool:
    """Whether a file looks like a tar archive."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as stream:
        return stream.read(BLOCK)[257:262] == b"ustar"


def _description(content: bytes, where: str) -> Dict[str, Any]:
    try:
        value = bounded_json(content)
    except ValueError:
        value = None
    good = (
        isinstance(value, dict)
        and value.get("format") == 1
        and all(isinstance(value.get(key), int) and 0 < value[key] < 1000 for key in ("volume", "volumes"))
        and value["volume"] <= value["volumes"]
        and isinstance(value.get("base", 0), (str, type(None)))
    )
    if not good or not isinstance(value, dict):
        raise Refused("bad-bundle", "{} is damaged".format(BUNDLE), where=where)
    return value


def _parts(stream: IO[bytes], where: str) -> Iterator[Tuple[str, Part]]:
    """Yield the folder and the rest of each member's path."""
    for member in tar_members(stream, where):
        top, _, path = member.name.partition("/")
        piece = _PIECE.match(path)
        link = _below(member, top, where) if member.link is not None else None
        number = (piece.group(1), int(piece.group(2))) if piece else None
        splice_of = _SPLICE.match(path)
        made = splice_of.group(1) if splice_of else None
        yield top, Part(path=path, size=member.size, link=link, piece=number, splice=made)


def _below(member: Member, top: str, where: str) -> str:
    link = member.link or ""
    if not link.startswith(top + "/"):
        raise Refused("unsafe-member", "a hard link leads out of the bundle: {}".format(ascii(link)), where=where)
    return link[len(top) + 1 :]


def _small(stream: IO[bytes], part: Part, limit: int, where: str) -> bytes:
    if part.size > limit:
        name = "manifest-too-big" if part.path == MANIFEST else "bad-bundle"
        raise Refused(name, "{} is larger than {} KiB".format(part.path, max(limit >> 10, 1)), where=where)
    return read_exactly(stream, part.size, where)


def open_volume(path: str) -> Volume:
    """Return what a volume says at its beginning; nothing is believed yet.

    :raises Refused: ``not-a-bundle``, ``truncated``, ``manifest-too-big``, …
    """
    if not is_bundle(path):
        raise Refused("not-a-bundle", "not a bundle, or its first bytes are damaged", where=path)
    with open(path, "rb") as stream:
        heads: Dict[str, bytes] = {}
        top = ""
        limits = {BUNDLE: _MAX_DESCRIPTION, MANIFEST: MAX_MANIFEST, SIGNATURE: MAX_SIGNATURES}
        for folder, part in _parts(stream, path):
            expected = (BUNDLE, MANIFEST, SIGNATURE)[len(heads)]
            if part.path != expected or part.link is not None or (top and folder != top):
                break
            top = folder
            heads[expected] = _small(stream, part, limits[expected], path)
            if len(heads) == len(limits):
                break
    if MANIFEST not in heads or not _TOP.match(top):
        raise Refused("bad-bundle", "it does not begin with {} and {}".format(BUNDLE, MANIFEST), where=path)
    described = _description(heads[BUNDLE], path)
    return Volume(
        path=path,
        top=top,
        number=described["volume"],
        count=described["volumes"],
        base=described.get("base"),
        content=heads[MANIFEST],
        digest=digest_of(heads[MANIFEST]),
        signature=heads[SIGNATURE].decode("ascii", "replace") if SIGNATURE in heads else None,
    )


def volume_parts(volume: Volume, stream: IO[bytes]) -> Iterator[Part]:
    """Yield the members of a volume behind its heads; each one's content must be read before the next is asked for.

    :raises Refused: ``extra-file`` for anything that the signed manifest cannot account for, behind the end too.
    """
    heads = (BUNDLE, MANIFEST) if volume.signature is None else (BUNDLE, MANIFEST, SIGNATURE)
    limits = {BUNDLE: _MAX_DESCRIPTION, SIGNATURE: MAX_SIGNATURES}
    for number, (folder, part) in enumerate(_parts(stream, volume.path)):
        if folder != volume.top:
            raise Refused("extra-file", "a member lies in another folder", ascii(part.path), code=EXIT_HASH)
        if number < len(heads) and part.path == heads[number] and part.link is None:
            _small(stream, part, limits.get(part.path, MAX_MANIFEST), volume.path)
            continue
        yield part
    rest = stream.read(_MAX_PADDING + 1)
    if len(rest) > _MAX_PADDING or rest.strip(b"\0"):
        message = "there is something behind the end of the archive"
        raise Refused("extra-file", message, where=volume.path, code=EXIT_HASH)


def open_volumes(paths: List[str]) -> List[Volume]:
    """Return the volumes of one bundle in order; nothing is believed yet, and their manifest is not parsed.

    :raises Refused: ``missing-volume``, ``mixed-volumes``, or what reading a volume says.
    """
    if not paths:
        raise Refused("usage", "no bundle is given", code=EXIT_USAGE)
    volumes = sorted((open_volume(path) for path in paths), key=lambda volume: (volume.number, volume.path))
    first = volumes[0]
    for volume in volumes[1:]:
        same = (volume.digest, volume.count, volume.base, volume.top, volume.signature)
        if same != (first.digest, first.count, first.base, first.top, first.signature):
            raise Refused("mixed-volumes", "not of the same bundle as {}".format(first.path), where=volume.path)
    numbers = [volume.number for volume in volumes]
    missing = [number for number in range(1, first.count + 1) if number not in numbers]
    if missing:
        text = ", ".join(str(number) for number in missing)
        raise Refused("missing-volume", "volume {} of {} is missing".format(text, first.count), where=first.path)
    if len(set(numbers)) != len(numbers):
        raise Refused("mixed-volumes", "a volume is given twice", where=first.path)
    return volumes


def check_base(volume: Volume, manifest: Manifest, published: Optional[str]) -> None:
    """Refuse a delta that does not follow what is published (the sha256 of its manifest).

    What a delta is against is written outside of the signature, so the signed manifest has to say the same.

    :raises Refused: ``bad-bundle`` or ``missing-base``.
    """
    if volume.base is None:
        return
    if volume.base not in (manifest.previous, volume.digest):
        message = "a delta against another manifest than the one that the signed manifest follows"
        raise Refused("bad-bundle", message, where=volume.path)
    if published not in (volume.base, volume.digest):
        raise Refused(
            "missing-base",
            "this is a delta against a wheelhouse that is not the one published here",
            where=volume.path,
            hint="import the bundles between, or a full one",
        )
