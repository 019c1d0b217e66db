"""Where a folder is installed, imported and asked to calculate for a proof."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from wheelyard.domain.command import Completed
from wheelyard.io import files
from wheelyard.prove.model import Subject
from wheelyard.store.blobs import checked

PIP_VARIABLES = MappingProxyType(
    {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "off",  # the word of pip before 19, which others understand: no cache
        "PIP_NO_COMPILE": "0",  # pip's way to say `--no-compile`: only what is imported is compiled, once
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
)
"""What pip is told in every place. Python may write its bytecode there: pip and what is imported start many times."""


class Place(Protocol):
    """The target's Python in a sandbox, on this machine or in a container: paths are the same inside and outside."""

    @property
    def given(self) -> Path:
        """A folder that it can read: what it is to run is put here."""
        ...

    @property
    def home(self) -> Path:
        """The folder that it can write, in which everything is that was installed."""
        ...

    def install(self, subject: Subject) -> str | None:
        """Install as the host's user would; return what went wrong, or None."""
        ...

    def run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> Completed:
        """Run the target's Python.

        :param variables: added to the environment.
        """
        ...


def link(blob: Path, place: Path) -> None:
    """Give a blob its name without copying it, where one file system allows that.

    :raises HashMismatchError: if it is not what it was when it came into the store.
    """
    checked(blob, where=place.name)
    try:
        os.link(blob, place)
    except OSError:
        files.copy(blob, place, sync=False)


def lay_out(subject: Subject, given: Path) -> None:
    """Lay out the top of a wheelhouse that has only the subject's folder, as its host will see it."""
    folder = given / "targets" / subject.folder
    folder.mkdir(parents=True)
    for filename, blob in subject.wheels.items():
        link(blob, folder / filename)
    files.write(folder / "requirements.txt", subject.requirements_txt, sync=False)


def last_words(output: str) -> str:
    """Return the line of pip's output that says what is wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "ERROR" in line or "Error" in line or "has requirement" in line]
    return (telling or lines or ["no message"])[-1]
