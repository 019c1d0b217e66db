"""Whatever is in a file, reading it ends in a configuration or in an error for people: never in another exception."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.fuzzing import Judge, effort
from tests.support.mutations import documents, dumped
from wheelyard.config.load import load
from wheelyard.domain.errors import ConfigError

PIECES = st.sampled_from(
    [
        "six",
        "numpy",
        "==",
        ">=",
        "=",
        "=>",
        "<",
        "[",
        "]",
        "[extra]",
        ",",
        ";",
        "@",
        "#",
        "\\",
        '"',
        "'",
        "(",
        ")",
        ":",
        "/",
        "./",
        "../",
        "~",
        "~x",
        ".",
        "..",
        "\n",
        "\r",
        "\t",
        "\x00",
        "\x0c",
        "${HOME}",
        "${X}",
        "$",
        "-r",
        "-c",
        "-e",
        "-i",
        "-f",
        "-C",
        "--hash",
        "--hash=sha256:",
        "--index-url",
        "https://",
        "http://[",
        "https://u:p@h:x/",
        "file://",
        "file:///tmp",
        "file:",
        "git+",
        ".whl",
        ".tar.gz",
        ".zip",
        "-1.0-py3-none-any.whl",
        "python_version",
        "extra",
        "in",
        "'linux'",
        '"3.8"',
        "and",
        "or",
        "--no-binary",
        ":all:",
        ":none:",
        "--pre",
        "#egg=",
        "#sha256=",
        "&subdirectory=",
        "é",
        "％",
        "\u2028",
        "😀",
    ]
) | st.text(max_size=8)
LINES = st.lists(PIECES, max_size=12).flatmap(
    lambda parts: st.sampled_from(["", " "]).map(lambda glue: glue.join(parts))
)

KEYS = st.sampled_from(
    [
        "requirements",
        "constraints",
        "target",
        "targets",
        "index",
        "packages",
        "build",
        "pyproject",
        "pylock",
        "variant",
        "wheelhouse",
        "resolver",
        "prereleases",
        "only-binary",
        "no-binary",
        "name",
        "url",
        "python",
        "platform",
        "preset",
        "pip",
        "interpreter",
        "jobs",
        "memory",
        "timeout",
    ]
)
SCALARS = (
    st.booleans().map(lambda value: "true" if value else "false")
    | st.integers(-9, 99).map(str)
    | st.sampled_from(
        ["1e400", "nan", "-0.0", "1979-05-27", '"el9"', '"3.9"', '"~x"', '"\\u0000"', '"."', '"https://["']
    )
    | st.sampled_from(['"8 GiB"', '":all:"', '"linux_x86_64"', '"manylinux_2_9999999_x86_64"', '""', '"a=1"'])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: "[" + ", ".join(each) + "]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda each: "{ " + ", ".join(f"{key} = {value}" for key, value in each.items()) + " }"
        )
    ),
    max_leaves=5,
)


def test_what_is_valid_is_read(here: Judge) -> None:
    for kind, content in {
        "requirements": b"six==1.0\n",
        "wheelyard_toml": dumped(CONFIGURATION),
        "pyproject": dumped(PYPROJECT),
        "pylock": dumped(PYLOCK),
        "own_lock": dumped(OWN_LOCK),
    }.items():
        assert here(kind, content).startswith("ok: "), kind


@effort(70)
@given(lines=st.lists(LINES, max_size=6))
def test_requirements_files(here: Judge, lines: list[str]) -> None:
    here("requirements", "\n".join(lines).encode("utf-8", "surrogatepass"))


@effort(70)
@given(content=st.binary(max_size=60))
def test_requirements_files_of_any_bytes(here: Judge, content: bytes) -> None:
    here("requirements", content)


@effort(70)
@given(table=st.dictionaries(KEYS, VALUES, max_size=5))
def test_toml(here: Judge, table: dict[str, str]) -> None:
    here("wheelyard_toml", "".join(f"{key} = {value}\n" for key, value in table.items()).encode())


CONFIGURATION = {
    "requirements": ["pylock.toml"],
    "target": [{"name": "a", "python": "3.9", "platform": "manylinux_2_28_x86_64", "pip": "24.0"}],
    "index": [{"name": "main", "url": "https://index.example/simple"}],
    "only-binary": ["six"],
    "build": {"memory": "8 GiB", "timeout": "1 h", "jobs": 2},
}
PYPROJECT = {"project": {"name": "demo", "version": "1.0", "dependencies": ["six>=1", "other; python_version > '3.8'"]}}
FILE = {
    "name": "six-1.0-py3-none-any.whl",
    "url": "https://files.example/six-1.0-py3-none-any.whl",
    "size": 10,
    "upload-time": datetime(2024, 1, 1, tzinfo=UTC),
    "hashes": {"sha256": "ab" * 32},
}
PYLOCK = {
    "lock-version": "1.0",
    "created-by": "other",
    "requires-python": ">=3.8",
    "environments": ["sys_platform == 'linux'"],
    "packages": [
        {"name": "six", "version": "1.0", "wheels": [FILE], "marker": "python_version > '3.8'"},
        {"name": "dir", "archive": {"url": "https://files.example/dir-1.0.tar.gz", "hashes": {"sha256": "ab" * 32}}},
    ],
}
OWN = {"index": "main", "reason": "it fits", "via": ["-r x"], "extras": [], "expects": "any"}
OWN_LOCK = {
    **PYLOCK,
    "tool": {"wheelyard": {"target": "a", "requirements-sha256": "ab" * 32, "resolver": "uv"}},
    "packages": [{"name": "six", "version": "1.0", "wheels": [FILE], "tool": {"wheelyard": OWN}}],
}


@effort(70)
@given(content=documents(PYLOCK))
@example(content=b"a = " + b"[" * 20_000)
@example(content=b"a = {" * 20_000)
def test_locks_of_other_tools(here: Judge, content: bytes) -> None:
    here("pylock", content)


@effort(70)
@given(content=documents(OWN_LOCK))
def test_our_own_locks(here: Judge, content: bytes) -> None:
    here("own_lock", content)


@effort(50)
@given(content=documents(CONFIGURATION))
def test_configurations(here: Judge, content: bytes) -> None:
    here("wheelyard_toml", content)


@effort(40)
@given(content=documents(PYPROJECT))
def test_projects(here: Judge, content: bytes) -> None:
    here("pyproject", content)


@pytest.mark.parametrize(
    "content", [b"x" * 200_000, b"six\\\n" * 5_000, b"[" * 5_000, b"six; " + b"(" * 5_000], ids=lambda each: each[:8]
)
def test_a_very_long_line_and_many_continuations(here: Judge, content: bytes) -> None:
    here("requirements", content)


def test_endless_special_files(tmp_path: Path) -> None:
    """A pipe without a writer would hang for ever."""
    fifo = tmp_path / "pipe.txt"
    os.mkfifo(fifo)
    with pytest.raises(ConfigError, match="not a file"):
        load(fifo)
