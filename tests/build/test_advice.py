"""A build that fails says what to install, or to write into the configuration."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandboxes import Opened
from tests.support.sdists import extension, sdist
from wheelyard.build.advice import advise, packages
from wheelyard.build.advice.packages import Manager
from wheelyard.build.advice.read_log import Asked, Kind, Missing, missing, network
from wheelyard.build.frontend import build_wheel
from wheelyard.domain.errors import BuildError
from wheelyard.sandbox.workspace import Workspace

# What tools really said, of real packages: the line that counts among others.
SAID: dict[str, tuple[Kind, str]] = {
    "Modules/common.h:15:10: fatal error: lber.h: No such file or directory\ncompilation terminated.": ("h", "lber.h"),
    "src/_x.c:1:10: fatal error: 'libxml/xmlversion.h' file not found": ("h", "libxml/xmlversion.h"),
    "c/_cffi_backend.c:15:17: error: ffi.h: No such file or directory": ("h", "ffi.h"),
    '../cairo/meson.build:31:12: ERROR: Dependency "cairo" not found (tried pkg-config and cmake)': ("p", "cairo"),
    "Package dbus-1 was not found in the pkg-config search path.": ("p", "dbus-1"),
    "Package 'libvirt', required by 'virtual:world', not found": ("p", "libvirt"),
    "Trying pkg-config --exists mysqlclient\n"
    "Command 'pkg-config --exists mysqlclient' returned non-zero exit status 1.": ("p", "mysqlclient"),
    "/bin/sh: 1: swig: not found": ("x", "swig"),
    "/bin/sh: line 1: mysql_config: command not found": ("x", "mysql_config"),
    "Error: pg_config executable not found.\n\npg_config is required to build psycopg2": ("x", "pg_config"),
    "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory": ("x", "x86_64-linux-gnu-gcc"),
    "FileNotFoundError: [Errno 2] No such file or directory: 'cmake'": ("x", "cmake"),
    "error: can't find Rust compiler": ("x", "cargo"),
    "Cargo, the Rust package manager, is not installed or is not on PATH.": ("x", "cargo"),
    "CMake Error at CMakeLists.txt:5 (find_package):\n  Could NOT find ZLIB (missing: ZLIB_LIBRARY)": ("c", "ZLIB"),
    "ModuleNotFoundError: No module named 'pkg_resources'": ("module", "pkg_resources"),
    "ERROR: Could not find a version that satisfies the requirement setuptools_scm (from versions: none)": (
        "requirement",
        "setuptools_scm",
    ),
    "/usr/bin/ld: cannot find -lportaudio: No such file or directory": ("l", "portaudio"),
    "error: libhdf5.so: cannot open shared object file: No such file or directory": ("l", "hdf5"),
}


@pytest.mark.parametrize("text", SAID, ids=[name for _, name in SAID.values()])
def test_what_is_missing_is_read_from_a_log(text: str) -> None:
    assert missing(f"running build_ext\n{text}\nfailed\n")[:1] == (Missing(*SAID[text]),)
    assert network(text) is None


def test_what_a_build_could_do_without_is_not_named() -> None:
    assert missing("-- Could NOT find Doxygen (missing: DOXYGEN_EXECUTABLE)\nchecking for stdio.h... no\n") == ()


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (
            "error: downloading 'https://files.example/lib-1.tar.gz' failed\n status: \"Couldn't resolve host name\"",
            Asked("files.example", crates=False),
        ),
        (
            "error: failed to get `libc` as a dependency of package `x`\n  [6] (Could not resolve host: index.example)",
            Asked("index.example", crates=True),
        ),
        (
            "urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>",
            Asked("", crates=False),
        ),
    ],
)
def test_a_build_that_asked_for_the_network_is_known(text: str, asked: Asked) -> None:
    assert network(text) == asked


@pytest.mark.parametrize(
    ("thing", "manager", "package"),
    [
        (Missing("h", "lber.h"), "dnf", "openldap-devel"),
        (Missing("h", "lber.h"), "apt-get", "libldap-dev"),
        (Missing("h", "openssl/ssl.h"), "apk", "openssl-dev"),
        (Missing("h", "libxml/xmlversion.h"), "apt-get", "libxml2-dev"),
        (Missing("h", "hdf5.h"), "apt-get", "libhdf5-dev"),
        (Missing("h", "X11/Xlib.h"), "dnf", "libX11-devel"),
        (Missing("h", "Python.h"), "apt-get", "python3-dev"),
        (Missing("p", "cairo"), "dnf", "cairo-devel"),
        (Missing("p", "mysqlclient"), "apt-get", "default-libmysqlclient-dev"),
        (Missing("p", "libmpdclient"), "dnf", "pkgconfig(libmpdclient)"),
        (Missing("p", "libmpdclient"), "apk", "pc:libmpdclient"),
        (Missing("x", "mysql_config"), "apk", "mariadb-connector-c-dev"),
        (Missing("x", "icu-config"), "dnf", "/usr/bin/icu-config"),
        (Missing("c", "ZLIB"), "apt-get", "zlib1g-dev"),
        (Missing("l", "portaudio"), "dnf", "portaudio-devel"),
        (Missing("h", "nobody_has_this.h"), "apt-get", None),
    ],
)
def test_a_package_is_known_by_what_it_has(thing: Missing, manager: Manager, package: str | None) -> None:
    assert packages.package_for(thing, manager) == package


def test_a_release_of_debian_has_its_own_names() -> None:
    assert packages.debian(Missing("h", "lber.h"), "bullseye") == "libldap2-dev"
    assert packages.debian(Missing("h", "lber.h"), "trixie") == "libldap-dev"


def table_of(advice: str) -> Any:
    """Return the TOML in a piece of advice, as one would paste it."""
    found = re.search(r"^ +\[packages[\s\S]*?\]$\s(.*\])$", advice, re.MULTILINE)
    assert found is not None, advice
    return tomllib.loads("\n".join(line.strip() for line in found[0].splitlines()))["packages"]


def test_a_missing_header_is_told_with_what_to_install(opened: Opened, tmp_path: Path) -> None:
    source = extension("demo", more='#include "lber.h"\n')
    with pytest.raises(BuildError, match=r"fatal error: lber\.h") as caught:
        build_wheel(opened(sdist(tmp_path, "demo", demo__c=source)))
    hint = caught.value.hint or ""
    assert re.search(
        r"lber\.h: not on this machine; as root: (apt-get install libldap|dnf install openldap-devel)", hint
    )
    assert table_of(hint) == {"demo": {"image-packages": ["openldap-devel"]}}
    assert all(len(line) < 250 for line in str(caught.value).splitlines())


def test_a_cargo_lock_that_is_out_of_date_is_called_that(tmp_path: Path) -> None:
    said = (
        "error: no matching package named `leaf` found\nlocation searched: directory source `crates`\n"
        "As a reminder, you're using offline mode (--offline) which can sometimes cause surprising failures\n"
    )
    assert "its lock is out of date" in (advise.advise(said, _nowhere(tmp_path)) or "")


@pytest.mark.parametrize(
    ("module", "requirement"),
    [("pkg_resources", "setuptools<81"), ("setuptools_scm", "setuptools-scm"), ("poetry.core.x", "poetry-core")],
)
def test_a_missing_module_is_a_line_to_paste(opened: Opened, tmp_path: Path, module: str, requirement: str) -> None:
    raises = f"def build_wheel(*a, **k):\n    raise ModuleNotFoundError(\"No module named '{module}'\")\n"
    place = opened(sdist(tmp_path, "demo", more=raises)) if module == "pkg_resources" else None
    if place is None:
        said = advise.advise(f"ModuleNotFoundError: No module named '{module}'", _nowhere(tmp_path))
    else:
        with pytest.raises(BuildError) as caught:
            build_wheel(place)
        said = caught.value.hint
    assert table_of(said or "") == {"demo": {"build-requires": [requirement]}}


def _nowhere(tmp_path: Path) -> Workspace:
    """Return a workspace that nothing can run in: its advice is made of words alone."""
    return Workspace(
        root=tmp_path,
        source=tmp_path,
        python=tmp_path,
        interpreter=(),
        sandbox=None,  # type: ignore[arg-type]
        log=tmp_path / "log",
        package="demo 1.0",
    )


def test_the_network_is_told_to_be_cut_and_why(opened: Opened, tmp_path: Path) -> None:
    asks = (
        "def build_wheel(*a, **k):\n    import urllib.request\n    urllib.request.urlopen('http://files.example/x')\n"
    )
    with pytest.raises(BuildError, match="urlopen error") as caught:
        build_wheel(opened(sdist(tmp_path, "demo", more=asks)))
    assert "its build asked for the network" in (caught.value.hint or "")
    assert "cut in the sandbox" in (caught.value.hint or "")


def test_a_module_that_python_no_longer_has_is_told_so(tmp_path: Path) -> None:
    said = advise.advise("ModuleNotFoundError: No module named 'imp'", _nowhere(tmp_path))
    assert said == "Python has no module imp any more: take a newer version of demo, or an older Python for the target"
    own = replace(_nowhere(tmp_path), package="imp-of-mine 1.0")
    assert advise.advise("No module named imp_of_mine", own) is None
