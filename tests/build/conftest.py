from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandboxes import Opened, working
from wheelyard.build import environment
from wheelyard.build.frontend import Workspace, unpack_sdist, workspace
from wheelyard.domain.command import Limits
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.targets.here import this_machine


@pytest.fixture(scope="session")
def python() -> Path:
    """The Python that runs the tests, outside of its virtual environment."""
    interpreter = this_machine().build.interpreter
    assert interpreter is not None
    return Path(interpreter)


@pytest.fixture
def bubblewrap() -> Sandbox:
    return working("bubblewrap")


@pytest.fixture
def opened(bubblewrap: Sandbox, python: Path, tmp_path: Path) -> Iterator[Opened]:
    """Open a workspace for an sdist."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    stack = []

    def open_(sdist: Path, *, limits: Limits | None = None, interpreter: Path = python) -> Workspace:
        context = workspace(uuid.uuid4().hex)
        root = context.__enter__()
        stack.append(context)
        log = tmp_path / f"{root.name}.log"
        made = environment.create(root / "env", interpreter, [], bubblewrap, log=log, root=root)
        return Workspace(
            root=root,
            source=unpack_sdist(sdist, root / "src"),
            python=made,
            interpreter=environment.seen_from(made, root),
            sandbox=bubblewrap,
            log=log,
            package="demo 1.0",
            limits=limits or Limits(seconds=600),
        )

    yield open_
    for context in stack:
        context.__exit__(None, None, None)
