"""What ``[[target]]`` says about a cross build."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.configurations import toml
from wheelyard.domain.errors import ToolError, WheelyardError
from wheelyard.store.blobs import Store
from wheelyard.toolchain.zig import archive

MAC = '[[target]]\nname = "mac"\npython = "3.12"\nplatform = "macosx_11_0_arm64"\ntoolchain = "zig"\n'


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "cpython.tar.gz").write_bytes(b"")
    (tmp_path / "own").mkdir()
    more = f'sdk = "cpython.tar.gz"\nsdk-sha256 = "{"0" * 64}"\nlibraries = "own"\n'
    (target,) = toml(tmp_path, MAC + more).targets
    assert target.build.sdk == str(tmp_path / "cpython.tar.gz")
    assert (target.build.sdk_sha256, target.build.libraries) == ("0" * 64, str(tmp_path / "own"))
    assert target.build.apple_sdk is None


def test_an_sdk_may_be_elsewhere(tmp_path: Path) -> None:
    url = "https://example.org/python-3.12.10-macos11.pkg"
    (target,) = toml(tmp_path, MAC + f'sdk = "{url}"\nsdk-sha256 = "{"0" * 64}"\n').targets
    assert target.build.sdk == url
    (missing,) = archive.missing(target.build, Store(tmp_path))
    assert (missing.filename, missing.url, missing.sha256) == ("python-3.12.10-macos11.pkg", url, "0" * 64)
    with pytest.raises(ToolError, match="not in the store"):
        archive.find(target.build, Store(tmp_path))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('sdk = "https://example.org/python.pkg"', "nothing says what is in it"),
        ('sdk = "https://me:secret@example.org/python.pkg"', "a password or token does not belong here"),
        ('sdk = "nowhere.tar.gz"', "sdk: no such file: nowhere.tar.gz"),
        ('libraries = "nowhere"', "libraries: no such folder: nowhere"),
        ('apple-sdk = "nowhere"', "apple-sdk: no such folder: nowhere"),
        ('sdk-sha256 = "abc"', "sdk-sha256: 'abc' is no SHA-256"),
    ],
)
def test_mistakes(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(WheelyardError, match=said):
        toml(tmp_path, MAC + line)
