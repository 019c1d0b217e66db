"""Linux and macOS folders in one wheelhouse: each host takes its own, and hears why where there is none."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from tests.support.installers import pip_wheel
from tests.support.mac import pretend
from tests.support.offline_host import install
from tests.support.pythons import need
from tests.support.signed_wheelhouses import house, key
from wheelyard.bundle.manifest import TargetInfo
from wheelyard.host.choice import choose, pip_needed
from wheelyard.host.machine import HostFacts
from wheelyard.host.refusal import Refused

LINUX = f"manylinux_2_17_{platform.machine()}"
ALL = ("macosx_11_0_arm64", "macosx_10_13_x86_64", "macosx_11_0_universal2", LINUX)


def folders(*platforms: str, python: str = "3.12", pip: str | None = None) -> list[TargetInfo]:
    return [
        TargetInfo(
            folder=each.split("_")[0] + "-" + each.split("_", 3)[3],
            python=python,
            implementation="cpython",
            platform=each,
            pip=pip,
            variant=None,
            needs={},
            proof="not run",
            python_archive=None,
        )
        for each in platforms
    ]


def mac(machine: str, *version: int) -> HostFacts:
    return HostFacts("3.12", "cpython", machine, "macos", version, 0)


CHOICES = [
    (ALL, mac("arm64", 14, 5), "macosx-arm64"),
    (ALL, mac("arm64", 11), "macosx-arm64"),
    (ALL, mac("x86_64", 14, 5), "macosx-x86_64"),
    (ALL, mac("x86_64", 10, 13, 6), "macosx-x86_64"),
    # What is for this CPU alone comes before what is for both, also where that is for a newer system.
    (("macosx_13_0_universal2", "macosx_10_13_x86_64"), mac("x86_64", 14), "macosx-x86_64"),
    (("macosx_11_0_universal2", "macosx_10_13_x86_64"), mac("arm64", 14), "macosx-universal2"),
    (("macosx_11_0_arm64", "macosx_10_9_universal2"), mac("x86_64", 10, 15), "macosx-universal2"),
    (ALL, HostFacts("3.12", "cpython", platform.machine(), "glibc", (2, 36), 1), f"manylinux-{platform.machine()}"),
]


@pytest.mark.parametrize(("there", "host", "chosen"), CHOICES)
def test_each_host_takes_its_own(there: tuple[str, ...], host: HostFacts, chosen: str) -> None:
    assert choose(folders(*there), host, None).target.folder == chosen
    assert choose(folders(*reversed(there)), host, None).target.folder == chosen


REFUSALS = [
    (("macosx_14_0_arm64",), mac("arm64", 13, 6), "macosx-arm64: needs macOS 14.0, and here is 13.6"),
    (("macosx_11_0_universal2",), mac("x86_64", 10, 15, 7), "macosx-universal2: needs macOS 11.0, and here is 10.15.7"),
    (("macosx_11_0_arm64",), mac("x86_64", 14), "macosx-arm64: is for arm64, and this Python is x86_64"),
    (("macosx_10_13_x86_64",), mac("arm64", 14), "macosx-x86_64: is for x86_64, and this Python is arm64"),
    (("manylinux_2_17_aarch64",), mac("arm64", 14), "manylinux-aarch64: is for Linux with glibc"),
    (
        ("macosx_11_0_universal2",),
        HostFacts("3.12", "cpython", "x86_64", "glibc", (2, 36), 1),
        "macosx-universal2: is for macOS",
    ),
]


@pytest.mark.parametrize(("there", "host", "said"), REFUSALS)
def test_the_others_are_refused_in_words(there: tuple[str, ...], host: HostFacts, said: str) -> None:
    with pytest.raises(Refused, match="no folder of this wheelhouse is for this host") as refused:
        choose(folders(*there), host, None)
    assert said in str(refused.value)
    assert refused.value.code == 5


@pytest.mark.parametrize(
    ("tag", "pip"),
    [
        ("macosx_11_0_arm64", (20, 3)),
        ("macosx_10_13_universal2", (20, 3)),
        ("macosx_10_13_x86_64", ()),
        ("macosx_10_9_x86_64.macosx_11_0_arm64", ()),
    ],
)
def test_the_pip_that_accepts_it(tag: str, pip: tuple[int, ...]) -> None:
    assert pip_needed([f"alpha-1.0-cp312-cp312-{tag}.whl"])[0] == pip


@pytest.mark.parametrize("version", ["3.6", "3.12"])
def test_a_pretended_mac(version: str, tmp_path: Path) -> None:
    """The real ``install.py``, in a Python that is answered as on a Mac; the Linux folder is what the machine takes."""
    python, home = need(version), tmp_path / "home"
    home.mkdir()
    pip = pip_wheel("21.3.1")
    place = tmp_path / "house"
    house(place, targets=folders(*ALL, python=version, pip=pip.name), extra=[pip], key=key())

    def show(name: str, machine: str, system: str, told: str | None = None) -> tuple[int, str]:
        fake = pretend(tmp_path / name, python, machine, system, told=told)
        done = install(fake, place, "--show", home=home)
        return done.returncode, done.stdout + done.stderr

    code, said = show("new", "arm64", "14.5")
    assert code == 0, said
    assert f"this host: Python {version}, arm64, macOS 14.5\n" in said
    assert "chosen: targets/macosx-arm64\n" in said
    # An Intel Python under Rosetta, made before macOS 11 was: every newer system calls itself 10.16 to it.
    code, said = show("rosetta", "x86_64", "14.5", told="10.16")
    assert f"this host: Python {version}, x86_64, macOS 14.5" in said
    assert "chosen: targets/macosx-x86_64\n" in said
    code, said = show("old", "x86_64", "10.12.6")
    assert code == 5
    assert "macosx-x86_64: needs macOS 10.13, and here is 10.12.6" in said
    assert "[no-folder]" in said
    assert "Traceback" not in said
    done = install(python, place, "--show", home=home)
    assert f"chosen: targets/manylinux-{platform.machine()}\n" in done.stdout
