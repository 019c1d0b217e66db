"""The last door: what nobody foresaw becomes one line for a person, and a log for who mends it."""

from __future__ import annotations

import os
import platform
import re
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from wheelyard import __version__
from wheelyard.cli.output import complain
from wheelyard.domain.errors import InternalError, StorageError
from wheelyard.io import files
from wheelyard.io.urls import redact
from wheelyard.store.blobs import Store

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_HINT = "a fault of Wheelyard: please report it with the log; an earlier wheelhouse stays as it was"


def unforeseen(error: BaseException, arguments: Sequence[str]) -> InternalError:
    """Write the traceback of an error to a log of its own, and return the error for people that says where it is.

    The log is in ``logs`` of the store, or in the folder for temporary files if that cannot be written; only its owner
    can read it. No URL in it keeps its password or query.
    """
    text = "".join(traceback.format_exception(error))
    head = f"wheelyard {__version__}, Python {platform.python_version()}, {platform.platform()}\n{list(arguments)}\n\n"
    message = " ".join(_without_secrets(f"{type(error).__name__}: {error}").split())
    return InternalError(
        message[:300],
        where=_where(error),
        hint=_HINT,
        log=_write(_without_secrets(head + text)),
    )


def watch_threads(arguments: Sequence[str]) -> None:
    """Let what ends a thread be told as one line and logged as well, not printed as a traceback."""

    def ended(what: threading.ExceptHookArgs) -> None:
        if what.exc_value is not None and not isinstance(what.exc_value, (SystemExit, KeyboardInterrupt)):
            complain(f"error: {unforeseen(what.exc_value, arguments)}")

    threading.excepthook = ended


def _without_secrets(text: str) -> str:
    return _URL.sub(lambda found: redact(found[0]), text)


def _where(error: BaseException) -> str:
    """Return the last line of ours that the error came through: ``lock/target.py:71``."""
    home = Path(__file__).parent.parent
    ours = [
        f"{Path(frame.filename).relative_to(home)}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(home)
    ]
    return ours[-1] if ours else "wheelyard"


def _write(text: str) -> Path | None:
    name = f"unforeseen-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}-{threading.get_ident():x}.log"
    for folder in (Store().area("logs"), Path(tempfile.gettempdir())):
        try:
            files.write(folder / name, text, mode=0o600)
        except (StorageError, OSError):
            continue
        return folder / name
    return None
