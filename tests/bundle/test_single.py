from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from tests.support.pythons import need
from tests.support.signed_wheelhouses import house
from wheelyard.bundle import manifest, single


@pytest.mark.parametrize("text", [single.install_py(), single.import_py()])
def test_one_file_that_imports_the_standard_library_alone(text: str) -> None:
    roots = {
        alias.name.partition(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    roots |= {(node.module or "").partition(".")[0] for node in nodes}
    assert "wheelyard" not in roots
    ast.parse(text, feature_version=(3, 6))


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
def test_they_start_on_every_python(version: str, tmp_path: Path) -> None:
    python = need(version)
    for name, text in (("install.py", single.install_py()), ("import.py", single.import_py())):
        (tmp_path / name).write_text(text)
        command = [python, "-W", "error", "-E", "-S", str(tmp_path / name), "--help"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "--trust" in done.stdout


def test_putting_them_in_place_changes_nothing_the_second_time(tmp_path: Path) -> None:
    house(tmp_path)
    (tmp_path / "install.py").write_text("old")
    assert single.put(tmp_path)
    found, _ = manifest.read(tmp_path)
    assert {"install.py", "import.py"} <= {entry.path for entry in found.files}
    assert not single.put(tmp_path)
    assert manifest.read(tmp_path)[0] == found
