"""The content-addressed store and its records."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from wheelyard.domain.errors import HashMismatchError, StorageError
from wheelyard.domain.events import Event, Warned
from wheelyard.io import files
from wheelyard.store.blobs import Store, checked


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


def rot(blob: Path, *, with_time: bool) -> None:
    """Change a blob, as a program that writes to it does, or with its time as it was, as a bad disk does."""
    before = blob.stat()
    blob.chmod(0o644)
    blob.write_bytes(b"kontent")
    if with_time:
        os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_blob_that_was_written_to_is_told_once_and_gone(store: Store) -> None:
    told: list[Event] = []
    telling = replace(store, report=told.append)
    digest = store.add_bytes(b"content")
    assert telling.has(digest)
    rot(store.path(digest), with_time=False)
    assert not telling.has(digest)
    assert not telling.has(digest)
    assert told == [Warned(message=f"{store.path(digest)} was damaged and is removed: it is fetched or built again")]
    assert store.add_bytes(b"content") == digest
    assert telling.has(digest)


def test_a_blob_whose_time_alone_changed_is_hashed_once(store: Store) -> None:
    digest = store.add_bytes(b"content")
    known = store.path(digest).stat().st_mtime_ns
    os.utime(store.path(digest))
    assert store.has(digest)
    status = store.path(digest).stat()
    assert status.st_mtime_ns % 10**9 == known % 10**9  # so that the next look tells


@pytest.mark.parametrize("how", ["copied", "in place"])
def test_a_blob_that_rotted_silently_is_found_when_it_is_used(store: Store, tmp_path: Path, how: str) -> None:
    digest = store.add_bytes(b"content")
    blob = store.path(digest)
    rot(blob, with_time=True)
    with pytest.raises(HashMismatchError, match=f"{blob}.*is removed: run again") as caught:
        store.take(digest, tmp_path / "a.whl") if how == "copied" else checked(blob, where="a.whl")
    assert caught.value.where == "a.whl"
    assert not store.has(digest)
    assert not (tmp_path / "a.whl").exists()


def test_a_blob_that_is_used_in_place_is_hashed_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Path] = []
    really = files.sha256

    def count(path: Path) -> str:
        hashed.append(path)
        return really(path)

    monkeypatch.setattr(files, "sha256", count)
    blob = store.path(store.add_bytes(b"content"))
    assert checked(blob, where="a") == checked(blob, where="a") == blob
    assert hashed == [blob]
    blob.unlink()
    with pytest.raises(StorageError, match="not in the store"):
        checked(blob, where="a")


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


def test_a_store_that_has_no_room_to_work_in_is_a_fault_of_the_store_and_not_of_the_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.root.mkdir()
    (store.root / "tmp").write_text("a file where a folder belongs")
    wheel = tmp_path / "a.whl"
    wheel.write_bytes(b"wheel")
    with pytest.raises(StorageError, match="cannot write"):
        store.add_file(wheel)
