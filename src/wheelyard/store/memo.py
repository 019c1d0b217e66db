"""One cache of answers: what was found out about something that cannot change is asked once."""

from __future__ import annotations

import json
from collections.abc import Callable
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
    :param dump: from an answer to what JSON has.
    :param load: the way back.
    :raises StorageError: if the answer cannot be kept.
    """
    place = store.area(area) / edition / key[:2] / f"{key}.json"
    try:
        return load(json.loads(place.read_bytes()))
    except _DAMAGED:
        answer = make()
        files.write(place, json.dumps(dump(answer), sort_keys=True, separators=(",", ":")), sync=False)
        return answer
