"""What a program calls: the documented example, against a real index."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import wheelyard
from tests.support.packages import make_wheel
from tests.support.yard import Yard

PAGE = Path(__file__).parents[2] / "docs" / "library.md"


def example() -> str:
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(code)


def test_the_example_of_the_page(yard: Yard) -> None:
    make_wheel(yard.shop, "demo", "1.0")
    yard.write("demo\n")
    environment = {**yard.environment, "WHEELYARD_CACHE": "/dev/null/nowhere"}  # only the store that is given is used
    command = [sys.executable, "-c", example()]
    done = subprocess.run(command, cwd=yard.root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "demo 1.0" in done.stdout
    assert done.stdout.endswith("0 faults\n")
    assert (yard.folder / "demo-1.0-py3-none-any.whl").is_file()
    assert (yard.root / "cache" / "sha256").is_dir()
    assert not (yard.root / "home" / ".cache" / "wheelyard").exists()


def test_every_function_of_the_page_is_there() -> None:
    named = set(re.findall(r"^\| `(\w+)\(", PAGE.read_text(), re.MULTILINE))
    functions = {name for name in wheelyard.__all__ if name[0].islower()}
    assert named == functions
    assert set(wheelyard.__all__) <= set(dir(wheelyard))
    for name in wheelyard.__all__:
        assert callable(getattr(wheelyard, name)), name


def test_a_room_does_not_take_the_place_of_the_function_that_it_shares_its_name_with() -> None:
    code = (
        "import wheelyard.lock.select, wheelyard.build.unit, wheelyard.mirror.add\n"
        "assert all(callable(f) for f in (wheelyard.lock, wheelyard.build, wheelyard.mirror))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_it_alone_reads_no_room() -> None:
    code = "import sys, wheelyard; print(*(name for name in sys.modules if name.startswith('wheelyard.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == ""


def test_a_name_that_is_not_there_is_told_as_pythons_own() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        wheelyard.nothing  # noqa: B018
