"""The content-addressed store and its records."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from wheelyard.domain.errors import HashMismatchError, StorageError
from wheelyard.store.blobs import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_bytes_and_files_are_kept_once_and_read_only(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_bytes(b"content")
    digest = hashlib.sha256(b"content").hexdigest()
    assert store.add_bytes(b"content") == digest
    assert store.add_file(source, sha256=digest) == digest
    assert stat.S_IMODE(store.path(digest).stat().st_mode) == 0o444
    assert list(store.blobs()) == [digest]
    assert not list((store.root / "tmp").iterdir())


def test_a_file_with_another_hash_is_refused(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_bytes(b"content")
    with pytest.raises(HashMismatchError, match="0000"):
        store.add_file(source, sha256="0" * 64)
    assert list(store.blobs()) == []


def test_verify_removes_what_has_rotted(store: Store) -> None:
    digest = store.add_bytes(b"content")
    assert store.verify(digest)
    store.path(digest).chmod(0o644)
    store.path(digest).write_bytes(b"kontent")
    assert not store.verify(digest)
    assert not store.has(digest)
    assert not store.verify(digest)


def test_prune_keeps_what_it_is_told(store: Store) -> None:
    keep, drop = store.add_bytes(b"keep"), store.add_bytes(b"drop!")
    partial = store.area("partial") / "x.part"
    partial.parent.mkdir()
    partial.write_bytes(b"12")
    assert store.prune({keep}, older_than=1.0) == 0
    assert store.prune({keep}) == 7
    assert list(store.blobs()) == [keep]
    assert not store.has(drop)


def test_a_store_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(StorageError):
        Store(tmp_path / "store").add_bytes(b"x")
