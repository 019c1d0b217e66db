"""Rebuilding a file out of an older one: copy these ranges of it, put these new bytes between.

A splice is one line of canonical JSON, ``{"old": sha256, "ops": [[offset, length] | [length], …]}``, and the new bytes.
Nothing is compressed again, so the result does not depend on anybody's zlib; its hash is checked like any other.
"""

from typing import IO, Any, Callable, Dict, List, Tuple

from wheelyard.host.manifest import bounded_json
from wheelyard.host.refusal import EXIT_HASH, Refused
from wheelyard.host.tarstream import PIECE, copy_content, read_exactly

SPLICES = ".splices"
MAX_PLAN = 2 << 20


def _splice_error(message: str, where: str) -> Refused:
    return Refused("changed", "a splice " + message, where=where, code=EXIT_HASH)


def read_plan(stream: IO[bytes], size: int, where: str) -> Tuple[str, List[List[int]], int]:
    """Return the sha256 of the older file, what to do, and how many new bytes follow in the stream."""
    head = read_exactly(stream, min(8, size), where)
    if len(head) != 8:
        raise _splice_error("is damaged", where)
    length = int.from_bytes(head, "big")
    if length > min(MAX_PLAN, size - 8):
        raise _splice_error("has a plan that is too long", where)
    try:
        plan: Dict[str, Any] = bounded_json(read_exactly(stream, length, where))
        old, ops = plan["old"], plan["ops"]
    except (ValueError, KeyError, TypeError):
        raise _splice_error("is damaged", where) from None
    good = isinstance(old, str) and isinstance(ops, list)
    for op in ops if good else []:
        good = good and isinstance(op, list) and len(op) in (1, 2)
        good = good and all(isinstance(number, int) and number >= 0 for number in op)
    if not good:
        raise _splice_error("is damaged", where)
    return old, ops, size - 8 - length


def check_plan(ops: List[List[int]], new: int, size: int, where: str) -> None:
    """Refuse a plan that does not make ``size`` bytes, ``new`` of them new."""
    if sum(op[-1] for op in ops) != size or sum(op[0] for op in ops if len(op) == 1) != new:
        raise _splice_error("does not make a file of the right size", where)


def splice(stream: IO[bytes], ops: List[List[int]], old: IO[bytes], sink: Callable[[bytes], object]) -> None:
    """Hand the rebuilt file to ``sink``; Refused if the plan, which was checked, asks for what is not there."""
    for op in ops:
        if len(op) == 1:
            copy_content(stream, op[0], sink, old.name)
            continue
        old.seek(op[0])
        left = op[1]
        while left:
            block = old.read(min(left, PIECE))
            if not block:
                raise _splice_error("copies from behind the end of the older file", old.name)
            sink(block)
            left -= len(block)
