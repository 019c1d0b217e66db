"""The import test that runs in the target's environment, on the oldest and newest Python there is."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from wheelyard.prove import import_probe
from wheelyard.targets.interpreters import find_all

PYTHONS = {each.python: each.path for each in find_all()}


@pytest.mark.parametrize("python", ["3.6", "3.13"])
def test_each_module_is_imported_in_a_process_of_its_own(tmp_path: Path, python: str) -> None:
    if python not in PYTHONS:
        pytest.skip(f"no CPython {python} here")
    modules = {
        "good_one": "print('noise on standard output')",
        "bad_one": "import nowhere_to_be_found",
        "kind_one": "try:\n    import nowhere_else\nexcept ImportError:\n    raise ImportError('get it') from None",
        "other_one": "from os import nothing_of_that_name",
        "leaves": "import sys; sys.exit(3)",
        "crashes": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    }
    lib = tmp_path / "lib"
    lib.mkdir()
    for name, text in modules.items():
        (lib / f"{name}.py").write_text(text)
    (tmp_path / "modules.json").write_text(json.dumps(sorted(modules)))
    done = subprocess.run(
        [PYTHONS[python], import_probe.__file__, str(tmp_path / "modules.json")],
        env={**os.environ, "PYTHONPATH": str(lib)},
        capture_output=True,
        text=True,
        check=True,
    )
    results = json.loads(done.stdout)
    assert results.pop("good_one") is None
    error, lacks = results.pop("bad_one")
    assert ("nowhere_to_be_found" in error, lacks) == (True, "nowhere_to_be_found")
    assert results.pop("kind_one") == ["ImportError: get it", "nowhere_else"]
    assert results.pop("other_one")[1] is None
    assert "SystemExit" in results.pop("leaves")[0]
    assert results.pop("crashes") == ["ended by signal 11", None]
    assert not results
