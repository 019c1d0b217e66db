from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.configurations import errors, write
from wheelyard.config.load import load
from wheelyard.config.model import Config
from wheelyard.domain.errors import WheelyardError

PYPROJECT = """\
[project]
name = "me"
dependencies = ["six>=1"]
[project.optional-dependencies]
plot = ["matplotlib"]
all = ["me[plot,Fast_One]"]
fast-one = ["numba; python_version<'3.12'"]
[dependency-groups]
test = ["pytest", {include-group = "base"}]
base = ["attrs"]
round = [{include-group = "trip"}]
trip = [{include-group = "round"}]
"""


def project(folder: Path, written: str, pyproject: str = PYPROJECT) -> Config:
    write(folder, wheelyard__toml=written, pyproject__toml=pyproject)
    return load(folder)


def test_plain(tmp_path: Path) -> None:
    config = project(tmp_path, 'requirements = "pyproject.toml"\n')
    assert [(requirement.text, requirement.origin) for requirement in config.requirements] == [
        ("six>=1", "pyproject.toml")
    ]
    assert load(tmp_path / "pyproject.toml").requirements == config.requirements


def test_extras_and_groups(tmp_path: Path) -> None:
    config = project(tmp_path, 'requirements = { path = "pyproject.toml", extras = ["all"], groups = ["Test"] }\n')
    assert [requirement.text for requirement in config.requirements] == [
        "six>=1",
        'numba; python_version < "3.12"',
        "matplotlib",
        "pytest",
        "attrs",
    ]


def _table(written: str) -> str:
    return written if "path" in written else written.replace("{", '{ path = "pyproject.toml", ').replace(", }", " }")


@pytest.mark.parametrize(
    ("written", "pyproject", "part"),
    [
        ('{ extras = ["plott"] }', PYPROJECT, "did you mean 'plot'"),
        ('{ groups = ["tset"] }', PYPROJECT, "did you mean 'test'"),
        ('{ groups = ["round"] }', PYPROJECT, "yclic"),
        ("{ exras = [] }", PYPROJECT, "did you mean 'extras'"),
        ("{}", "[project]\nname='x'\ndynamic=['dependencies']", "dynamic"),
        ("{}", "[project]\nname='x'\ndependencies='six'", "list of texts"),
        ("{}", "[project]\nname='x'\ndependencies=['six=1']", "six==1"),
        ("{}", "[tool.x]", "no [project]"),
        ("{}", "[project", "TOML"),
        ('{ path = "sub/pyproject.toml" }', PYPROJECT, "no such file"),
        ('{ groups = ["a"] }', "dependency-groups = 3", "expected a table"),
        ('{ groups = ["a"] }', "[dependency-groups]\na = 3", "dependency-groups"),
        ('{ groups = ["a"] }', "[dependency-groups]\na = ['six=1']", "dependency-groups"),
        ('{ groups = ["a"] }', "[dependency-groups]\na = [{ x = 1 }]", "dependency-groups"),
        ('{ groups = ["a"] }', "[dependency-groups]\na = [{ include-group = 'b' }]", "b"),
        ('{ extras = ["a"] }', "[project]\nname='x'\noptional-dependencies = 3", "table"),
    ],
)
def test_mistakes(tmp_path: Path, written: str, pyproject: str, part: str) -> None:
    with pytest.raises(WheelyardError) as caught:
        project(tmp_path, f"requirements = {_table(written)}\n", pyproject)
    assert part in str(errors(caught)[0])
    assert all(error.hint for error in errors(caught))


DIGEST = "ab" * 32
LOCK = f"""\
lock-version = "1.0"
created-by = "test"
[[packages]]
name = "six"
version = "1.17.0"
marker = "python_version >= '3.8'"
[[packages.wheels]]
name = "six-1.17.0-py2.py3-none-any.whl"
url = "https://files.example/six-1.17.0-py2.py3-none-any.whl"
hashes = {{ sha256 = "{DIGEST}" }}
[[packages]]
name = "direct"
[packages.archive]
url = "https://me:secret@files.example/direct-1.0.tar.gz"
hashes = {{ sha256 = "{DIGEST}" }}
"""


def test_pylock(tmp_path: Path) -> None:
    write(tmp_path, pylock__toml=LOCK)
    config = load(tmp_path / "pylock.toml")
    (lock,) = config.locks
    six, direct = lock.packages
    assert (six.version, six.marker, six.hashes) == ("1.17.0", 'python_version >= "3.8"', ("sha256:" + "ab" * 32,))
    assert (direct.direct, direct.hashes) == ("https://files.example/direct-1.0.tar.gz", ("sha256:" + "ab" * 32,))
    assert "secret" not in repr(config)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('lock-version = "1.0"', "", "lock-version"),
        ('version = "1.17.0"', "version = 3", "version"),
        ('[packages.archive]\nurl = "https://me:secret@files.example/direct-1.0.tar.gz"\nhashes', "[x]\nhashes", ""),
    ],
)
def test_a_damaged_pylock(tmp_path: Path, old: str, new: str, part: str) -> None:
    assert old in LOCK
    write(tmp_path, pylock__toml=LOCK.replace(old, new))
    with pytest.raises(WheelyardError) as caught:
        load(tmp_path / "pylock.toml")
    assert part in str(caught.value)
    assert "secret" not in str(caught.value)
