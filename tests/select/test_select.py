"""The file that each version gets on a target."""

from __future__ import annotations

import pytest

from tests.support.graphs import MAC, PY36, PY39
from wheelyard.config.model import PackageRule
from wheelyard.domain.errors import NoCandidateError
from wheelyard.domain.lock import LockedFile, LockedPackage
from wheelyard.domain.remote import ProjectPage, RemoteFile
from wheelyard.domain.target import Target
from wheelyard.lock.select import choices, choose, needs_newer_pip


def page(*names: str, name: str = "pkg", **more: str | None) -> ProjectPage:
    files = tuple(
        RemoteFile(filename=each, url=f"https://index.invalid/{each}", sha256=f"{number:064x}", **more)  # type: ignore[arg-type]
        for number, each in enumerate(names)
    )
    return ProjectPage(name=name, files=files)


@pytest.mark.parametrize(
    ("target", "names", "expected"),
    [
        (PY39, ["pkg-1-py3-none-any.whl", "pkg-1-cp39-cp39-manylinux2014_x86_64.whl"], 1),
        (PY39, ["pkg-1-cp39-cp39-manylinux1_x86_64.whl", "pkg-1-cp39-cp39-manylinux_2_28_x86_64.whl"], 1),
        (PY39, ["pkg-1-cp37-abi3-manylinux2014_x86_64.whl", "pkg-1-cp39-abi3-manylinux2014_x86_64.whl"], 1),
        (PY39, ["pkg-1-1-py3-none-any.whl", "pkg-1-10-py3-none-any.whl", "pkg-1-9-py3-none-any.whl"], 1),
        (PY39, ["pkg-1-py2.py3-none-any.whl", "pkg-1.tar.gz"], 0),
        (PY39, ["pkg-1.zip", "pkg-1.tar.gz", "pkg-1-cp310-cp310-manylinux2014_x86_64.whl"], 1),
        (PY39, ["pkg-1.0.0-1-cp39-cp39-manylinux_2_5_x86_64.manylinux1_x86_64.whl", "pkg-1.tar.gz"], 0),
        (PY36, ["pkg-1-cp36-cp36m-manylinux2014_x86_64.whl", "pkg-1-cp36-cp36m-manylinux1_x86_64.whl"], 1),
        (MAC, ["pkg-1-cp312-cp312-macosx_11_0_arm64.whl", "pkg-1-cp312-cp312-macosx_10_9_universal2.whl"], 0),
    ],
    ids=[
        "compiled-first", "newest-glibc", "newest-abi3", "highest-build", "any-wheel", "tar-gz-first",
        "compressed-tags", "what-the-hosts-pip-sees", "mac",
    ],
)  # fmt: skip
def test_best_file(target: Target, names: list[str], expected: int) -> None:
    version = names[expected].removesuffix(".tar.gz").split("-")[1]
    assert choose(page(*names), version, target).file.filename == names[expected]


def test_a_wheel_the_hosts_pip_cannot_see_is_better_than_a_build_and_says_so() -> None:
    choice = choose(page("pkg-1-cp36-cp36m-manylinux2014_x86_64.whl", "pkg-1.tar.gz"), "1", PY36)
    assert choice.file.is_wheel
    assert "only a newer pip than the host's 9.0.3" in choice.reason


def test_names_that_are_not_of_this_project_are_passed_over() -> None:
    found = choices(
        page("pkg-extra-1.tar.gz", "other-2-py3-none-any.whl", "pkg-x.tar.gz", "pkg-1.exe", "PKG-3.0-py3-none-any.whl"),
        PY39,
    )
    assert list(found.by_version) == ["3.0"]
    hyphens = choices(page("my-pkg-1.0.tar.gz", "my_pkg-2.0.tar.gz", name="my-pkg"), PY39)
    assert list(hyphens.by_version) == ["1.0", "2.0"]


def test_versions_come_in_order_and_equal_ones_together() -> None:
    found = choices(page("pkg-10-py3-none-any.whl", "pkg-9.tar.gz", "pkg-1.0rc1.tar.gz", "pkg-1.0.c1.zip"), PY39)
    assert list(found.by_version) == ["1.0rc1", "9", "10"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            ["pkg-1-cp311-cp311-manylinux2014_x86_64.whl", "pkg-1-cp312-cp312-manylinux2014_x86_64.whl"],
            "it has wheels for cp311, cp312; the target is cp39; no sdist",
        ),
        (
            ["pkg-1-cp39-cp39-win_amd64.whl", "pkg-1-cp39-cp39-manylinux_2_39_x86_64.whl"],
            "it has wheels for manylinux_2_39_x86_64, win_amd64; the target is manylinux_2_34_x86_64; no sdist",
        ),
    ],
)
def test_refusals_name_the_nearest(names: list[str], words: str) -> None:
    with pytest.raises(NoCandidateError) as caught:
        choose(page(*names), "1", PY39)
    assert caught.value.message == words
    assert caught.value.where == "pkg 1 for target el9"


def test_requires_python_of_each_file() -> None:
    files = (
        RemoteFile(filename="pkg-1-py3-none-any.whl", url="u", sha256=None, requires_python=">=3.10"),
        RemoteFile(filename="pkg-1.tar.gz", url="u", sha256=None, requires_python=">=3.6"),
        RemoteFile(filename="pkg-2.tar.gz", url="u", sha256=None, requires_python=">=3.10"),
        RemoteFile(filename="pkg-3.tar.gz", url="u", sha256=None, requires_python="rubbish"),
    )
    found = choices(ProjectPage(name="pkg", files=files), PY39)
    assert {version: choice.file.filename for version, choice in found.by_version.items()} == {
        "1": "pkg-1.tar.gz",
        "3": "pkg-3.tar.gz",
    }
    assert found.refused == {"2": "needs Python >=3.10"}


def test_yanked_files_are_the_last_resort() -> None:
    wheel = RemoteFile(filename="pkg-1-py3-none-any.whl", url="u", sha256=None, yanked="bad")
    sdist = RemoteFile(filename="pkg-1.tar.gz", url="u", sha256=None)
    assert choose(ProjectPage(name="pkg", files=(wheel, sdist)), "1", PY39).file is sdist
    only = choose(ProjectPage(name="pkg", files=(wheel,)), "1", PY39)
    assert only.file is wheel
    assert "yanked upstream: bad" in only.reason


def test_formats_that_the_user_wants() -> None:
    both = page("pkg-1-py3-none-any.whl", "pkg-1.tar.gz")
    always, never = PackageRule(name="pkg", build="always"), PackageRule(name="pkg", build="never")
    assert choose(both, "1", PY39, no_binary=[":all:"]).file.filename == "pkg-1.tar.gz"
    assert choose(both, "1", PY39, no_binary=[":all:"], only_binary=["pkg"]).file.is_wheel
    assert choose(both, "1", PY39, no_binary=["pkg"], only_binary=[":all:"]).file.filename == "pkg-1.tar.gz"
    assert choose(both, "1", PY39, only_binary=["pkg"]).file.is_wheel
    assert choose(both, "1", PY39, never, no_binary=["pkg"]).file.is_wheel
    forced = choose(both, "1", PY39, always, only_binary=[":all:"])
    assert forced.file.filename == "pkg-1.tar.gz"
    assert '[packages.pkg] build = "always"' in forced.reason
    with pytest.raises(NoCandidateError, match="--only-binary :all:"):
        choose(page("pkg-1.tar.gz"), "1", PY39, only_binary=[":all:"])
    with pytest.raises(NoCandidateError, match="has no sdist, and --no-binary pkg forbids its wheels"):
        choose(page("pkg-1-py3-none-any.whl"), "1", PY39, no_binary=["pkg"])


def test_hashes_restrict_the_files() -> None:
    both = page("pkg-1-py3-none-any.whl", "pkg-1.tar.gz")
    assert choose(both, "1", PY39, hashes=[f"sha256:{1:064x}"]).file.filename == "pkg-1.tar.gz"
    with pytest.raises(NoCandidateError, match="no file has a hash"):
        choose(both, "1", PY39, hashes=["sha256:" + "f" * 64])


def test_a_hash_that_was_altered_is_no_reason_to_build() -> None:
    both = page("pkg-1-py3-none-any.whl", "pkg-1.tar.gz")
    altered, sdist = "sha256:" + "f" * 64, f"sha256:{1:064x}"
    with pytest.raises(
        NoCandidateError, match=rf"pkg-1-py3-none-any\.whl has sha256 0{{64}} .*no file .* has {altered}"
    ):
        choose(both, "1", PY39, hashes=[altered, sdist])
    assert choose(both, "1", PY39, no_binary=["pkg"], hashes=[altered, sdist]).file.filename == "pkg-1.tar.gz"


def test_a_python_that_is_only_assumed_is_told() -> None:
    file = RemoteFile(filename="pkg-1.tar.gz", url="u", sha256=None, requires_python=">=3.9.44")
    refused = choices(ProjectPage(name="pkg", files=(file,)), PY39).refused["1"]
    taken = f"the target's is taken to be {PY39.python_full}"
    assert refused == f'needs Python >=3.9.44 ({taken}: write python = "3.9.Z" if it is another)'


def test_a_pure_result_is_suspicious_where_others_have_compiled_wheels() -> None:
    assert choose(page("pkg-1-cp312-cp312-win_amd64.whl", "pkg-1.tar.gz"), "1", PY39).expects == "binary"
    assert choose(page("pkg-1-py2-none-any.whl", "pkg-1.tar.gz"), "1", PY39).expects == "any"


def locked(filename: str, **more: str) -> LockedPackage:
    file = LockedFile(filename=filename, sha256="0" * 64, url="u")
    return LockedPackage(name="pkg", version="1", file=file, reason="", **more)  # type: ignore[arg-type]


def test_whether_a_newer_pip_is_needed() -> None:
    new, old = locked("pkg-1-cp36-cp36m-manylinux_2_28_x86_64.whl"), locked("pkg-1-py3-none-any.whl")
    assert needs_newer_pip([old, new], PY36)
    assert not needs_newer_pip([old], PY36)
    assert needs_newer_pip([locked("pkg-1.tar.gz", expects="binary")], PY36)
    assert not needs_newer_pip([locked("pkg-1.tar.gz", expects="binary")], PY39)
    assert not needs_newer_pip([new], MAC)
