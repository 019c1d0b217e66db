"""The door to folders that other people's code writes: no link leads out of them, nothing blocks, all has a bound.

A path is walked one name at a time, each opened below the one before and never through a link, so that what is done
happens below the folder whatever is changed there meanwhile. The folder itself must lie in one that is ours.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import IO

from wheelyard.domain.errors import BuildError
from wheelyard.io.files import CHUNK

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OWN = stat.S_IRWXU
_DEEPEST = 100
"""Folders in one another that are looked into; what lies deeper is no part of any build."""
_MOST_NAMES = 100_000
_TRIES = 100


class NotPlainError(BuildError):
    """What was to be a plain file or folder is not there, is something else, or is too big; says which and what."""


def read(root: Path, path: PurePath | str, *, most: int) -> bytes:
    """Return the content of a plain file below ``root``.

    :param most: bytes.
    :raises NotPlainError: if it is none, has a second name (a hard link), or is bigger.
    """
    with opened(root, path, most=most) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise NotPlainError(f"{path} is too big")
    return content


def take(root: Path, path: PurePath | str, into: Path, *, most: int) -> str:
    """Copy a plain file below ``root`` to the new file ``into``, which is ours; return the SHA-256 of what was copied.

    :param most: bytes.
    :raises NotPlainError: as for :func:`read`.
    """
    digest, left = hashlib.sha256(), most
    with opened(root, path, most=most) as stream, into.open("xb") as copy:
        while block := stream.read(CHUNK):
            left -= len(block)
            if left < 0:
                raise NotPlainError(f"{path} is too big")
            digest.update(block)
            copy.write(block)
    return digest.hexdigest()


@contextlib.contextmanager
def opened(root: Path, path: PurePath | str, *, most: int) -> Iterator[IO[bytes]]:
    """Yield a plain file below ``root``, opened for reading.

    :raises NotPlainError: as for :func:`read`; that of a file which grows while it is read is for the reader to see.
    """
    parts = _parts(path)
    with _walked(root, parts[:-1], str(path)) as folder, _told(path):
        # Looked at first: opening a device may already do something.
        _judge(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False), path, most)
        stream = os.fdopen(os.open(parts[-1], _FILE, dir_fd=folder), "rb")
    with stream:
        _judge(os.fstat(stream.fileno()), path, most)
        yield stream


def names(root: Path, path: PurePath | str = "") -> tuple[str, ...]:
    """Return what is in a folder below ``root``, sorted.

    :raises NotPlainError: if there is no such folder, or absurdly much in it.
    """
    found = []
    with _walked(root, _parts(path), str(path)) as folder, os.scandir(folder) as entries:
        for entry in entries:
            found.append(entry.name)
            if len(found) > _MOST_NAMES:
                raise NotPlainError(f"{path or root.name} holds more than {_MOST_NAMES} names")
    return tuple(sorted(found))


def ensure(root: Path, path: PurePath | str) -> Path:
    """Make a folder below ``root`` where there is none, in place of anything else; return its path.

    :raises NotPlainError: if the folder that it is to be in is none.
    """
    parts = _parts(path)
    with _walked(root, parts[:-1], str(path)) as folder:
        for _ in range(_TRIES):
            with contextlib.suppress(OSError):
                os.close(os.open(parts[-1], _FOLDER, dir_fd=folder))
                break
            _remove(folder, parts[-1])
            with contextlib.suppress(FileExistsError):
                os.mkdir(parts[-1], _OWN, dir_fd=folder)
        else:
            raise NotPlainError(f"{path} is not a folder")
    return root / path


def fresh(root: Path, path: PurePath | str) -> Path:
    """Make an empty folder below ``root``, in place of whatever is there; return its path.

    :raises NotPlainError: if the folder that it is to be in is none.
    """
    parts = _parts(path)
    with _walked(root, parts[:-1], str(path)) as folder:
        _remove(folder, parts[-1])
    return ensure(root, path)


def put(root: Path, path: PurePath | str, content: bytes) -> None:
    """Write a file below ``root``, in place of whatever is there.

    :raises NotPlainError: if the folder that it is to be in is none.
    """
    parts = _parts(path)
    with _walked(root, parts[:-1], str(path)) as folder, _told(path):
        _remove(folder, parts[-1])
        with os.fdopen(os.open(parts[-1], _NEW, 0o644, dir_fd=folder), "wb") as stream:
            stream.write(content)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, also where permissions were taken away, however deep it is."""
    with contextlib.suppress(FileNotFoundError):
        parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _remove(parent, path.name)
        finally:
            os.close(parent)


def give(root: Path, user: int) -> None:
    """Make a user (and the group of that number) the owner of ``root`` and of everything below it, links themselves."""
    os.chown(root, user, user, follow_symlinks=False)
    for folder, name, status, _ in _all(root):
        if status.st_uid != user:
            with contextlib.suppress(FileNotFoundError):
                os.chown(name, user, user, dir_fd=folder, follow_symlinks=False)


def wash(root: Path) -> None:
    """Leave below ``root`` only files, folders, and links that stay there: then any program may look into it."""
    for folder, name, status, depth in _all(root):
        if stat.S_ISLNK(status.st_mode):
            with contextlib.suppress(OSError):
                if not _stays(os.readlink(name, dir_fd=folder), depth, root):
                    os.unlink(name, dir_fd=folder)
        elif not (stat.S_ISREG(status.st_mode) or (stat.S_ISDIR(status.st_mode) and depth < _DEEPEST)):
            _remove(folder, name)


def _stays(text: str, depth: int, root: Path) -> bool:
    """Whether a link in the folder at ``depth`` below ``root`` leads to below ``root``, if all others there do."""
    if text.startswith("/"):
        depth, below = 0, text.removeprefix(f"{root}/")
        if below == text:
            return False
        text = below
    parts = [part for part in text.split("/") if part not in ("", ".")]
    up = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    return up <= depth and ".." not in parts[up:]


def _parts(path: PurePath | str) -> tuple[str, ...]:
    parts = PurePath(path).parts
    if any(part in ("..", "/") or "\0" in part for part in parts):
        raise NotPlainError(f"{path} leads out of its folder")
    return parts


def _judge(status: os.stat_result, path: PurePath | str, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotPlainError(f"{path} is not a plain file")
    if status.st_nlink != 1:
        raise NotPlainError(f"{path} is a hard link")
    if status.st_size > most:
        raise NotPlainError(f"{path} is too big")


@contextlib.contextmanager
def _told(path: PurePath | str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        known = {errno.ELOOP: "is a link", errno.ENOTDIR: "is not below a folder", errno.ENOENT: "is not there"}
        what = known.get(error.errno or 0, f"cannot be opened: {error.strerror}")
        raise NotPlainError(f"{path} {what}") from error


@contextlib.contextmanager
def _walked(root: Path, parts: Sequence[str], path: str) -> Iterator[int]:
    """Yield the descriptor of a folder below ``root``."""
    descriptor = os.open(root, _FOLDER)
    try:
        with _told(path):
            for part in parts:
                inner = _folder(descriptor, part)
                os.close(descriptor)
                descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _folder(parent: int, name: str) -> int:
    """Open a folder, with the permissions that its owner needs given back."""
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        _allow(parent, name)
        descriptor = os.open(name, _FOLDER, dir_fd=parent)
    with contextlib.suppress(PermissionError):
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & _OWN != _OWN:
            os.fchmod(descriptor, mode | _OWN)
    return descriptor


def _allow(parent: int, name: str) -> None:
    """Make a folder accessible to its owner, who cannot open it."""
    if os.chmod in os.supports_follow_symlinks:
        os.chmod(name, _OWN, dir_fd=parent, follow_symlinks=False)
        return
    # Linux has no way to do so by name without following a link; only by a descriptor that needs no permission.
    descriptor = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{descriptor}", _OWN)  # noqa: PTH101
    finally:
        os.close(descriptor)


def _all(root: Path) -> Iterator[tuple[int, str, os.stat_result, int]]:
    """Yield everything below ``root``: descriptor of its folder, name, status, and depth of the folder."""
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        with contextlib.suppress(NotPlainError), _walked(root, parts, "/".join(parts)) as folder:
            with os.scandir(folder) as entries:
                found = [entry.name for entry in entries]
            for name in found:
                try:
                    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISDIR(status.st_mode) and len(parts) < _DEEPEST:
                    waiting.append((*parts, name))
                yield folder, name, status, len(parts)


def _remove(parent: int, name: str) -> None:
    """Remove what has a name in a folder, until it is gone: something may still be writing there."""
    for _ in range(_TRIES):
        try:
            if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=parent)
                return
            top = _folder(parent, name)
            try:
                _flatten(top)
            finally:
                os.close(top)
            os.rmdir(name, dir_fd=parent)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
                raise
            time.sleep(0.02)
    raise OSError(errno.ENOTEMPTY, "something keeps writing into it", name)


def _flatten(top: int) -> None:
    """Empty a folder. What its folders hold is moved up and removed there: no depth is too much for that."""
    moved, prefix = 0, secrets.token_hex(8)
    while folders := _emptied(top):
        for name in folders:
            inner = _folder(top, name)
            try:
                for each in _emptied(inner):
                    os.close(_folder(inner, each))  # only a folder that may be written can be moved
                    os.rename(each, f"{prefix}{moved}", src_dir_fd=inner, dst_dir_fd=top)
                    moved += 1
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)


def _emptied(folder: int) -> list[str]:
    """Remove everything from a folder but folders, and return the names of these."""
    folders = []
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(entry.name, dir_fd=folder)
    return folders
