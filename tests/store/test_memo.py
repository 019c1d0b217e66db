"""Answers are asked for once, and a damaged one again."""

from __future__ import annotations

from pathlib import Path

import pytest

from wheelyard.store.blobs import Store
from wheelyard.store.memo import memo

KEY = "ab" * 32


def test_a_question_is_asked_once(tmp_path: Path) -> None:
    store, asked = Store(tmp_path), []

    def make() -> list[int]:
        asked.append(1)
        return [1, 2]

    assert memo(store, "answers", "1", KEY, make) == memo(store, "answers", "1", KEY, make) == [1, 2]
    assert len(asked) == 1
    memo(store, "answers", "2", KEY, make)
    assert len(asked) == 2, "another edition is another question"
    memo(store, "answers", "1", "cd" * 32, make)
    assert len(asked) == 3


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"other": 1}', b"\xff"])
def test_a_damaged_answer_is_made_again(tmp_path: Path, damage: bytes) -> None:
    store = Store(tmp_path)

    def ask() -> int:
        return memo(store, "answers", "1", KEY, lambda: 3, dump=lambda n: {"n": n}, load=lambda known: int(known["n"]))

    assert ask() == 3
    (place,) = store.area("answers").rglob("*.json")
    place.write_bytes(damage)
    assert ask() == 3
    assert place.read_bytes() == b'{"n":3}'
