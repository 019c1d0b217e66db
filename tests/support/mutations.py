"""Strategies that take something valid and change it: a field, a type, a length, an order, an encoding."""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tomli_w
from hypothesis import strategies as st

TEXTS = (
    "", " ", ".", "..", "../x", "/etc/passwd", "a/../b", "a\\b", "C:x", "\0", "\n", "\r", "\t", "\x1b[2J", "\x9b31m",
    "\x7f", "\u2028", "\u202e", "\u200b", "é", "e\u0301", "\ud800", "\U0010ffff", "²", "٣", "０", "x" * 300, "a/" * 40,
    "CON", "-x", "%00", "%2e%2e%2f", "1e999", "NaN", "null", "'", '"', "a=b,c", "1.0", "x86-64-v9", "#", "?", "://[",
    "[" * 200, "(" * 200, "{{", "${HOME}", "\ufeff", "~", "true", "sha256=", "SHA256:", "-----BEGIN",
    "0" * 64, "f" * 64, "+1", " 1", "1 ", "1_0", "0x10", "-1", "1e3", "007",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2, 255, 2**16, 2**31, 2**32, 2**53, 2**63, 2**64, 10**15, 10**16, 10**30)
texts = st.sampled_from(TEXTS) | st.text(st.characters(), max_size=6)
hostile: st.SearchStrategy[Any] = st.one_of(
    texts,
    st.sampled_from(NUMBERS),
    st.sampled_from([None, True, False, 0.5, -0.0, 1e300, [], {}, [[]], [None], {"": ""}, [[[[[[[[[[]]]]]]]]]]]).map(
        copy.deepcopy
    ),
)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a nested value, as what holds it and its key there."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _shuffle(draw: st.DrawFn, held: Any, key: Any) -> None:
    other = draw(st.sampled_from(list(held) if isinstance(held, dict) else range(len(held))))
    held[key], held[other] = held[other], held[key]


def _repeat(draw: st.DrawFn, held: Any, key: Any) -> None:
    if isinstance(held, list):
        held.insert(draw(st.integers(0, len(held))), copy.deepcopy(held[key]))
    else:
        held[draw(texts)] = copy.deepcopy(held[key])


def _rename(draw: st.DrawFn, held: Any, key: Any) -> None:
    if isinstance(held, dict):
        name = draw(texts | st.sampled_from(sorted(held)))
        held[name] = held.pop(key)
    else:
        held[key] = draw(hostile)


def _edit(draw: st.DrawFn, held: Any, key: Any) -> None:
    value = held[key]
    if isinstance(value, str):
        at = draw(st.integers(0, len(value)))
        held[key] = value[:at] + draw(texts) + value[draw(st.integers(at, len(value))) :]
    elif isinstance(value, int) and not isinstance(value, bool):
        held[key] = value + draw(st.sampled_from([-1, 1, 2**16, 2**32, 2**53]))
    else:
        held[key] = draw(hostile)


def _replace(draw: st.DrawFn, held: Any, key: Any) -> None:
    held[key] = draw(hostile)


def _remove(draw: st.DrawFn, held: Any, key: Any) -> None:
    del held[key]


def _wrap(draw: st.DrawFn, held: Any, key: Any) -> None:
    held[key] = draw(st.sampled_from([[held[key]], {"a": held[key]}, str(held[key])]))


_DEEDS: Sequence[Callable[[st.DrawFn, Any, Any], None]] = (
    _replace, _edit, _edit, _remove, _repeat, _rename, _shuffle, _wrap
)  # fmt: skip


@st.composite
def changed(draw: st.DrawFn, value: Any, most: int = 3) -> Any:
    """Return a copy of a nested value in which up to so many places are changed."""
    root = [copy.deepcopy(value)]
    for _ in range(draw(st.integers(0, most))):
        places = list(_places(root))
        if places:
            held, key = draw(st.sampled_from(places))
            draw(st.sampled_from(_DEEDS))(draw, held, key)
    return root[0] if root else None


@st.composite
def changed_list(draw: st.DrawFn, value: Sequence[Any], most: int = 3) -> list[Any]:
    """Return a changed copy of a list that still is one."""
    made = draw(changed(list(value), most))
    return made if isinstance(made, list) else [made]


@st.composite
def damaged(draw: st.DrawFn, content: bytes, most: int = 2) -> bytes:
    """Return bytes that were cut, flipped, repeated, moved, or written in another encoding."""
    for _ in range(draw(st.integers(0, most))):
        first, last = sorted((draw(st.integers(0, len(content))), draw(st.integers(0, len(content)))))
        short = min(last, first + 64)
        head, piece, tail = content[:first], content[first:short], content[short:]
        noise = draw(st.binary(max_size=8) | texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
        ways: list[bytes] = [
            head,
            head + tail,
            head + noise + tail,
            head + noise + content[min(len(content), first + len(noise)) :],
            head + piece + piece + tail,
            content[first:] + content[:first],
            content + noise,
            noise + content,
            content.decode("utf-8", "replace").encode("utf-16"),
            b"\xef\xbb\xbf" + content,
            content.replace(b"\n", b"\r\n"),
        ]
        if first < len(content):
            ways.append(head + bytes([content[first] ^ 1 << draw(st.integers(0, 7))]) + content[first + 1 :])
        content = draw(st.sampled_from(ways))
    return content


@st.composite
def as_json(draw: st.DrawFn, value: Any, canonical: Callable[[Any], bytes]) -> bytes:
    """Return JSON of a changed value, mostly in its one canonical form, sometimes in another, sometimes damaged."""
    made = draw(changed(value))
    how = draw(st.sampled_from(["canonical"] * 6 + ["loose", "repeated", "long number", "deep", "damaged"]))
    text = canonical(made)
    if how == "loose":
        return json.dumps(made, indent=draw(st.sampled_from([None, 1])), ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )
    if how == "repeated":
        return text.replace(b"{", b'{"format":1,', 1)
    if how == "long number":
        return text.replace(b":1,", b":" + b"1" * draw(st.sampled_from([15, 16, 17, 400, 5000])) + b",", 1)
    if how == "deep":
        return text.replace(b"[", b"[" * draw(st.sampled_from([10, 400, 100_000])), 1)
    return draw(damaged(text)) if how == "damaged" else text


@st.composite
def lines(draw: st.DrawFn, valid: Sequence[str], most: int = 3) -> bytes:
    """Return the lines of a text with some changed, in another order, left out or repeated."""
    made = draw(changed(list(valid), most))
    text = "\n".join(map(str, made if isinstance(made, list) else [made])) + draw(
        st.sampled_from(["\n", "", "\r\n", "\n\n"])
    )
    return draw(damaged(text.encode("utf-8", "surrogatepass"), 1))


@st.composite
def fields_overwritten(draw: st.DrawFn, content: bytes, places: Sequence[tuple[int, int]]) -> bytes:
    """Return bytes with one or two of some little-endian numbers (offset, length) overwritten."""
    made = bytearray(content)
    for _ in range(draw(st.integers(1, 2))):
        at, size = draw(st.sampled_from(places))
        number = draw(
            st.sampled_from([0, 1, 2, 8, 12, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]) | st.integers(0, 2**32 - 1)
        )
        made[at : at + size] = struct.pack("<Q", number & (1 << 8 * size) - 1)[:size]
    return bytes(made)


def dumped(value: Any) -> bytes:
    """Return TOML, of what TOML can say."""
    return tomli_w.dumps(value if isinstance(value, dict) else {"x": str(value)}).encode("utf-8", "surrogatepass")


@st.composite
def documents(draw: st.DrawFn, value: Any) -> bytes:
    """TOML of a changed value; what TOML has no words for is left as it was."""
    try:
        content = dumped(draw(changed(value)))
    except (TypeError, ValueError, AttributeError):
        content = dumped(value)
    return draw(damaged(content, 1)) if draw(st.integers(0, 4)) == 0 else content
