"""Answers are asked for once, and a damaged one again."""

from __future__ import annotations

from pathlib import Path

import pytest

from wheelyard.store.blobs import Store
from wheelyard.store.memo import dump_bytes, keep, load_bytes, memo, recall

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


def test_who_keeps_some_answers_only_recalls_those(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert recall(store, "answers", "1", KEY, load=int) is None
    keep(store, "answers", "1", KEY, 3)
    assert recall(store, "answers", "1", KEY, load=int) == 3
    assert memo(store, "answers", "1", KEY, lambda: 4) == 3


@pytest.mark.parametrize("content", [b"", "Name: café\n".encode(), b"\xff\x00 Latin-1: \xe9"])
def test_bytes_come_back_as_they_were(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path)
    for _ in range(2):
        assert memo(store, "answers", "1", KEY, lambda: content, dump=dump_bytes, load=load_bytes) == content


def test_an_answer_about_a_file_that_is_gone_is_made_again(tmp_path: Path) -> None:
    store, made = Store(tmp_path), []

    def make() -> str:
        made.append(1)
        return store.add_bytes(b"wheel")

    def load(sha256: str) -> str:
        store.path(sha256).stat()
        return sha256

    sha256 = memo(store, "answers", "1", KEY, make)
    store.path(sha256).unlink()
    assert memo(store, "answers", "1", KEY, make, load=load) == sha256
    assert len(made) == 2
