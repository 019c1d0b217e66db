"""Hooks of crafted backends, run for real in a sandbox."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.support.packages import make_sdist
from tests.support.sandboxes import Opened
from tests.support.sdists import extension, sdist
from wheelyard.build.frontend import build_wheel, dynamic_requirements, last_lines, prepare_metadata
from wheelyard.domain.command import Limits
from wheelyard.domain.errors import BuildError


def test_a_wheel_is_built(opened: Opened, tmp_path: Path) -> None:
    place = opened(sdist(tmp_path, "demo", demo__c=extension("demo")))
    assert dynamic_requirements(place) == ()
    wheel = build_wheel(place)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        library = archive.read(names[0])
    assert names[0].endswith(".so")
    # The workspace is named after the user and the key: neither may be in what is built.
    assert str(place.root).encode() not in library
    assert b"demo.c" in library


def test_what_the_backend_sees(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:password@index.invalid/")
    monkeypatch.setenv("CFLAGS", "-DSTRAY")
    more = "def get_requires_for_build_wheel(*a):\n    print('SEEN', dict(os.environ)); return ['b', 'a>=1']\n"
    place = opened(sdist(tmp_path, "demo", more=more))
    assert dynamic_requirements(place) == ("a>=1", "b")
    (said,) = (line for line in place.log.read_text().splitlines() if line.startswith("SEEN"))
    assert "SOURCE_DATE_EPOCH" in said
    assert "password" not in said
    assert "STRAY" not in said
    assert f"'HOME': '{place.root}/home'" in said


def test_metadata_by_its_hook_and_without(opened: Opened, tmp_path: Path) -> None:
    assert b"Name: demo\n" in prepare_metadata(opened(sdist(tmp_path, "demo")))
    more = """
def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    os.mkdir(metadata_directory + "/demo-1.0.dist-info")
    with open(metadata_directory + "/demo-1.0.dist-info/METADATA", "w") as stream:
        stream.write("Metadata-Version: 2.1\\nName: prepared\\n")
    return "demo-1.0.dist-info"
"""
    assert b"Name: prepared" in prepare_metadata(opened(sdist(tmp_path, "demo", more=more)))


FAILING = {
    "nothing returned": ("def build_wheel(*a, **k):\n    pass\n", "something else than a file name"),
    "a number": ("def build_wheel(*a, **k):\n    return 3\n", "something else than a file name"),
    "no wheel": ("def build_wheel(*a, **k):\n    return 'demo.whl'\n", "left 0: none"),
    "two wheels": (
        "def build_wheel(w, *a, **k):\n    [open(w + '/' + n, 'w') for n in ('a.whl', 'b.whl')]\n    return 'a.whl'\n",
        "left 2: a.whl, b.whl",
    ),
    "a link": (
        "def build_wheel(w, *a, **k):\n    os.symlink('/etc/passwd', w + '/a.whl')\n    return 'a.whl'\n",
        "out/a.whl is not a plain file",
    ),
    "an error": ("def build_wheel(*a, **k):\n    raise RuntimeError('no BLAS here')\n", "no BLAS here"),
    "an exit": ("def build_wheel(*a, **k):\n    os._exit(3)\n", "exit code 3"),
    "a forged answer": (
        "def build_wheel(*a, **k):\n    os.symlink('/etc/passwd', sys.argv[2] + '/output.json')\n    os._exit(0)\n",
        "output.json is not a plain file",
    ),
    "a pipe for an answer": (
        "def build_wheel(*a, **k):\n    os.mkfifo(sys.argv[2] + '/output.json')\n    os._exit(0)\n",
        "output.json is not a plain file",
    ),
    "no answer": ("def build_wheel(*a, **k):\n    os._exit(0)\n", "output.json is not there"),
    "nonsense": (
        "def build_wheel(*a, **k):\n    open(sys.argv[2] + '/output.json', 'w').write('{')\n    os._exit(0)\n",
        "failed",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_backends_that_fail(opened: Opened, tmp_path: Path, case: str) -> None:
    more, message = FAILING[case]
    place = opened(sdist(tmp_path, "demo", more=more))
    with pytest.raises(BuildError, match=message) as caught:
        build_wheel(place)
    assert caught.value.where == "demo 1.0"
    assert caught.value.log == place.log


def test_an_endless_build(opened: Opened, tmp_path: Path) -> None:
    more = "def build_wheel(*a, **k):\n    time.sleep(1000)\n"
    place = opened(sdist(tmp_path, "demo", more=more), limits=Limits(seconds=1))
    with pytest.raises(BuildError, match="did not end within 1 seconds"):
        build_wheel(place)


def test_c_that_does_not_compile(opened: Opened, tmp_path: Path) -> None:
    place = opened(sdist(tmp_path, "demo", demo__c="#include <Python.h>\nint f(void) { return nonsense; }\n"))
    with pytest.raises(BuildError, match=r"demo\.c:2:\d+: error: .nonsense. undeclared") as caught:
        build_wheel(place)
    assert "nonsense" in place.log.read_text()
    assert caught.value.exit_code == 8


def test_a_backend_that_is_not_there(opened: Opened, tmp_path: Path) -> None:
    place = opened(
        make_sdist(
            tmp_path, "demo", "1.0", {"pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'nowhere'\n"}
        )
    )
    with pytest.raises(BuildError, match="nowhere"):
        build_wheel(place)


def test_last_lines() -> None:
    log = "\n".join([*(f"line {number}" for number in range(100)), "x.c:1:2: error: bad thing", "   int x", "   ^"])
    assert last_lines(log).strip().startswith("x.c:1:2: error: bad thing")
    assert last_lines("a\nb\n\nc") == "    a\n    b\n    c"
    assert last_lines("\n".join(map(str, range(100)))).split() == [str(number) for number in range(85, 100)]
