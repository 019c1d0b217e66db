"""Whatever is in a file, reading it ends in a configuration or in an error for people: never in another exception."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wheelyard.config.load import load
from wheelyard.domain.errors import Failures, WheelyardError

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
FAST = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def outcome(path: Path) -> tuple[WheelyardError, ...]:
    """The errors that reading ends in; anything but a WheelyardError goes on up and fails the test."""
    try:
        config = load(path)
    except Failures as failures:
        return failures.errors
    except WheelyardError as error:
        return (error,)
    assert config.requirements
    assert config.targets
    return ()


def survives(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        for error in outcome(path):
            assert error.where
            assert "\n" not in error.where


@FAST
@given(st.lists(LINES, max_size=6))
def test_requirements_files(lines: list[str]) -> None:
    survives("requirements.txt", "\n".join(lines).encode("utf-8", "surrogatepass"))


@FAST
@given(st.binary(max_size=60))
def test_requirements_files_of_any_bytes(content: bytes) -> None:
    survives("requirements.txt", content)


@FAST
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_toml(table: dict[str, str]) -> None:
    written = "".join(f"{key} = {value}\n" for key, value in table.items())
    survives("wheelyard.toml", written.encode())


def test_a_very_long_line_and_many_continuations() -> None:
    survives("requirements.txt", b"x" * 200_000)
    survives("requirements.txt", b"six\\\n" * 5_000)
    survives("requirements.txt", b"[" * 5_000)
    survives("requirements.txt", b"six; " + b"(" * 5_000)


def test_endless_special_files(tmp_path: Path) -> None:
    """A pipe without a writer would hang for ever."""
    fifo = tmp_path / "pipe.txt"
    os.mkfifo(fifo)
    (error,) = outcome(fifo)
    assert "not a file" in error.message
