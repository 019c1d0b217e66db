"""One cache of answers: what was found out about something that cannot change is asked once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from wheelyard.io import files
from wheelyard.store.blobs import Store

T = TypeVar("T")

_DAMAGED = (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, IndexError, AttributeError)


def memo(
    store: Store,
    area: str,
    edition: str,
    key: str,
    make: Callable[[], T],
    *,
    dump: Callable[[T], Any] = lambda answer: answer,
    load: Callable[[Any], T] = lambda known: known,
) -> T:
    """Return the answer to a question from the store, or make it and keep it.

    An answer that is damaged, or of a form that ``load`` does not know, is as good as none. Many processes may ask at
    once: the last one's answer stays, and it is the same.

    :param area: what kind of question it is; a folder of the store.
    :param edition: raise it when what is kept, or how it is found out, changes.
    :param key: everything that the answer depends on, as hexadecimal SHA-256, with more words behind it where needed.
    :param make: gives the answer, which is never None.
    :param dump: from an answer to what JSON has.
    :param load: the way back.
    :raises StorageError: if the answer cannot be kept.
    """
    known = recall(store, area, edition, key, load=load)
    if known is not None:
        return known
    answer = make()
    keep(store, area, edition, key, dump(answer))
    return answer


def recall(store: Store, area: str, edition: str, key: str, *, load: Callable[[Any], T]) -> T | None:
    """Return an answer that was kept, None where there is none that is good; for who keeps some answers only."""
    try:
        return load(json.loads(_path(store, area, edition, key).read_bytes()))
    except _DAMAGED:
        return None


def keep(store: Store, area: str, edition: str, key: str, answer: Any) -> None:
    """Keep an answer, as JSON has it.

    :raises StorageError: if it cannot be kept.
    """
    content = json.dumps(answer, sort_keys=True, separators=(",", ":"))
    files.write(_path(store, area, edition, key), content, sync=False)


def dump_bytes(content: bytes) -> str:
    """Return bytes as JSON has them: text that is nearly always UTF-8 stays readable."""
    return content.decode("utf-8", "surrogateescape")


def load_bytes(text: str) -> bytes:
    """Return what ``dump_bytes`` was given."""
    return text.encode("utf-8", "surrogateescape")


def _path(store: Store, area: str, edition: str, key: str) -> Path:
    return store.area(area) / edition / key[:2] / f"{key}.json"
