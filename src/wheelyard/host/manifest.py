"""Reading a manifest that cannot be trusted yet: bounded, canonical, and with paths that stay inside.

The manifest is the one list of every file of a wheelhouse. It is JSON in one canonical form (keys sorted, no spaces,
ASCII only, one newline at the end), so that one content has one digest::

    {"channel": "wheelhouse",           name of the stream of bundles that this one belongs to
     "created": "2026-01-31T00:00:00Z", or null
     "expires": "2026-07-31T00:00:00Z", or null: never
     "files": [{"kind": "wheel", "path": "files/a-1-py3-none-any.whl", "sha256": "…", "size": 123}, …],
     "format": 2,
     "previous": "…",                   sha256 of the manifest before it (in a bundle: of the bundle before), or null
     "sequence": 7,                     grows with every published change
     "targets": [{"folder": "rhel9", "implementation": "cpython", "needs": {}, "pip": "pip-24.0-py3-none-any.whl",
                  "platform": "manylinux_2_34_x86_64", "proof": "proven", "python": "3.9",
                  "python_archive": null, "variant": null}, …],
     "tool": "wheelyard 0.1.0"}

``files`` is ordered by path. The manifest itself and its signatures are the only files it does not list.

In format 1, which is still read, a target had ``"simd": "x86-64-v3"``, or null, in place of ``needs``.
"""

import hashlib
import json
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from wheelyard.host.refusal import Refused

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
BUNDLE = "bundle.json"
FORMAT = 2
MAX_MANIFEST = 64 << 20
MAX_FILES = 400000
MAX_TARGETS = 10000
MAX_FILE = 64 << 30
MAX_PATH = 600  # characters
MAX_DEPTH = 16  # folders and the file itself
MAX_DIGITS = 16
MAX_NEEDS = 16
KINDS = ("wheel", "sdist", "metadata", "page", "lock", "installer", "python", "paper", "other")

_HEX = re.compile(r"[0-9a-f]{64}\Z")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z", re.ASCII)
_CHANNEL = re.compile(rb'\{"channel":"([a-z0-9][a-z0-9._-]{0,63})",')
# Printable ASCII without what Windows refuses. Every other character has a look-alike, another spelling (NFC and NFD),
# no width, or a direction of its own, and which of them is which depends on the Unicode of each Python.
_BAD_CHARACTER = re.compile(r"[^\x20-\x7e]|[\\:*?\"<>|]")
_PRINTABLE = re.compile(r"[\x20-\x7e]*\Z")

FileEntry = NamedTuple("FileEntry", [("path", str), ("size", int), ("sha256", str), ("kind", str)])

TargetInfo = NamedTuple(
    "TargetInfo",
    [
        ("folder", str),  # below targets/
        ("python", str),  # "3.9", "3.13t"
        ("implementation", str),  # "cpython"
        ("platform", str),  # "manylinux_2_34_x86_64": the newest platform tag that the target accepts
        ("pip", Optional[str]),  # file name of the carried pip in the folder
        ("variant", Optional[str]),  # name of the variant; None: the baseline
        ("needs", Dict[str, str]),  # what a host must have, by axis of variants: {"simd": "x86-64-v3"}
        ("proof", str),  # "proven", "failed", "not run"
        ("python_archive", Optional[str]),  # path of a relocatable Python in the wheelhouse
    ],
)

Manifest = NamedTuple(
    "Manifest",
    [
        ("channel", str),
        ("sequence", int),
        ("created", Optional[str]),
        ("expires", Optional[str]),
        ("previous", Optional[str]),
        ("targets", Tuple[TargetInfo, ...]),
        ("files", Tuple[FileEntry, ...]),
        ("tool", str),
    ],
)


def _bad(message: str, name: str = "bad-manifest") -> Refused:
    return Refused(name, message, where=MANIFEST)


def check_path(path: object) -> str:
    """Return a path if it is relative, plain and stays inside; else raise Refused."""
    if not isinstance(path, str) or not path or len(path) > MAX_PATH:
        raise _bad("a path is not a text of 1 to {} characters".format(MAX_PATH), "unsafe-path")
    parts = path.split("/")
    if len(parts) > MAX_DEPTH:
        raise Refused("unsafe-path", "the path has more than {} levels".format(MAX_DEPTH), where=path)
    for part in parts:
        match = _BAD_CHARACTER.search(part)
        if match:
            message = "the path has a character that not every system keeps and shows alike: U+{:04X}"
            raise Refused("unsafe-path", message.format(ord(match.group())), where=ascii(path))
        if part in ("", ".", "..") or part.startswith((".", "-", " ")) or part.endswith((".", " ")):
            raise Refused("unsafe-path", "the path is not plain and relative", where=path)
        if len(part) > 255:
            raise Refused("unsafe-path", "a name in the path has more than 255 characters", where=path)
    return path


def check_collisions(paths: List[str]) -> None:
    """Refuse paths that would fall on one another where case does not count, or a file that is also a folder."""
    # (number of the folder, name in lower case) -> number, name, whether it is a file. Each name is kept once.
    known: Dict[Tuple[int, str], Tuple[int, str, bool]] = {}
    for path in paths:
        parts = path.split("/")
        folder = 0
        for depth, part in enumerate(parts, 1):
            is_file = depth == len(parts)
            number, name, was_file = known.setdefault((folder, part.lower()), (len(known) + 1, part, is_file))
            if name != part:
                raise Refused("same-name", "a name in it differs from {} only by case".format(name), where=path)
            if was_file != is_file:
                raise Refused("same-name", "the path is a file and a folder", where=path)
            folder = number


def bounded_json(content: bytes) -> Any:
    """Return what JSON of ASCII characters holds, whose numbers are short and whole; ValueError for anything else."""
    try:
        return json.loads(
            content.decode("ascii"), parse_int=_whole_number, parse_float=_no_number, parse_constant=_no_number
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:  # int() takes minutes for millions of them
        raise ValueError("a number of more than {} digits".format(MAX_DIGITS))
    return int(digits)


def _no_number(digits: str) -> int:
    raise ValueError("a number that is not whole: {!a}".format(digits[:20]))


def channel_of(content: bytes) -> str:
    """Return the channel that a manifest says at its beginning: all that is looked at before the signature is.

    It only tells which remembered keys the signature has to fit.
    """
    match = _CHANNEL.match(content[:100])
    if match is None:
        raise _bad("it does not begin with a channel")
    return match.group(1).decode("ascii")


def canonical(value: Any) -> bytes:
    """Return the one JSON form of a value."""
    return (json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n").encode("ascii")


def dump_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of a manifest: what is hashed, signed and written."""
    return canonical(
        {
            "format": FORMAT,
            "channel": manifest.channel,
            "sequence": manifest.sequence,
            "created": manifest.created,
            "expires": manifest.expires,
            "previous": manifest.previous,
            "tool": manifest.tool,
            "targets": [dict(target._asdict()) for target in manifest.targets],
            "files": [dict(entry._asdict()) for entry in manifest.files],
        }
    )


def digest_of(content: bytes) -> str:
    """Return the hexadecimal SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def _record(value: object, keys: Tuple[str, ...], what: str) -> Dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(keys):
        raise _bad("{} does not have exactly the keys {}".format(what, ", ".join(keys)))
    return value


def _text(value: object, what: str, pattern: Any = _PRINTABLE, optional: bool = False) -> Any:
    if value is None and optional:
        return None
    if not isinstance(value, str) or len(value) > 300 or not pattern.match(value):
        raise _bad("{} is not what it must be".format(what))
    return value


def _number(value: object, what: str, largest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
        raise _bad("{} is not a number from 0 to {}".format(what, largest))
    return value


def _needs(value: object) -> Dict[str, str]:
    if not isinstance(value, dict) or len(value) > MAX_NEEDS:
        raise _bad("targets: needs is not a table of at most {} texts".format(MAX_NEEDS))
    for axis, need in value.items():
        _text(axis, "targets: the name of a need", _NAME)
        _text(need, "targets: needs")
    return value


def _target(value: object) -> TargetInfo:
    record = _record(value, TargetInfo._fields, "a target")
    for key in TargetInfo._fields:
        if key != "needs":
            _text(record[key], "targets: " + key, optional=key in ("pip", "variant", "python_archive"))
    _needs(record["needs"])
    _text(record["folder"], "the folder of a target", _NAME)
    for key in ("pip", "python_archive"):
        if record[key] is not None:
            check_path(record[key])
    return TargetInfo(**record)


def _target_of_format_1(value: object) -> TargetInfo:
    keys = tuple("simd" if key == "needs" else key for key in TargetInfo._fields)
    record = dict(_record(value, keys, "a target"))
    level = record.pop("simd")
    return _target(dict(record, needs={} if level is None else {"simd": level}))


def _file(value: object) -> FileEntry:
    record = _record(value, FileEntry._fields, "a file")
    check_path(record["path"])
    _number(record["size"], "the size of a file", MAX_FILE)
    _text(record["sha256"], "the sha256 of a file", _HEX)
    if record["kind"] not in KINDS:
        raise _bad("a file is of an unknown kind")
    if record["path"].lower() in (MANIFEST, SIGNATURE, BUNDLE):
        raise _bad("the manifest lists itself")
    return FileEntry(**record)


def load_manifest(content: bytes) -> Manifest:
    """Return the manifest that bytes hold.

    :raises Refused: ``manifest-too-big``, ``bad-manifest``, ``unsafe-path`` or ``same-name``.
    """
    if len(content) > MAX_MANIFEST:
        raise _bad("larger than {} MiB".format(MAX_MANIFEST >> 20), "manifest-too-big")
    # Counted before anything is made of it: signs cost a byte each here, and a hundred in memory.
    if (
        content.count(b"{") > MAX_FILES + 2 * MAX_TARGETS + 1
        or content.count(b",") > 4 * MAX_FILES + 10 * MAX_TARGETS + 100
    ):
        raise _bad("too many files or targets", "manifest-too-big")
    if content.count(b"[") > MAX_FILES:
        raise _bad("too many lists")
    try:
        raw = bounded_json(content)
    except ValueError as error:
        raise _bad("not JSON: {}".format(error)) from None
    if not isinstance(raw, dict) or raw.get("format") not in (1, FORMAT) or raw["format"] is True:
        raise _bad("not a manifest of format {}, nor of an older one".format(FORMAT))
    record = _record(raw, (*Manifest._fields, "format"), "the manifest")
    if not isinstance(record["files"], list) or not isinstance(record["targets"], list):
        raise _bad("files and targets are not lists")
    if len(record["files"]) > MAX_FILES or len(record["targets"]) > MAX_TARGETS:
        raise _bad("too many files or targets", "manifest-too-big")
    manifest = Manifest(
        channel=_text(record["channel"], "channel", _NAME),
        sequence=_number(record["sequence"], "sequence", 1 << 53),
        created=_text(record["created"], "created", _TIME, optional=True),
        expires=_text(record["expires"], "expires", _TIME, optional=True),
        previous=_text(record["previous"], "previous", _HEX, optional=True),
        targets=tuple(map(_target if record["format"] == FORMAT else _target_of_format_1, record["targets"])),
        files=tuple(_file(each) for each in record["files"]),
        tool=_text(record["tool"], "tool"),
    )
    paths = [entry.path for entry in manifest.files]
    if paths != sorted(set(paths)):
        raise _bad("files are not in order, or one is listed twice")
    check_collisions(paths)
    known: Dict[str, int] = {}
    for entry in manifest.files:
        if known.setdefault(entry.sha256, entry.size) != entry.size:
            raise _bad("one sha256 has two sizes")
    if canonical(raw) != content:
        raise _bad("not in the canonical form")
    return manifest
