"""Which module that does not import keeps a folder from being published, and what is said of it."""

from __future__ import annotations

import tomllib

import pytest

from wheelyard.prove.judge import Fault, Verdict, judge, unasked
from wheelyard.prove.model import Bring

BLACK = ("black", "blackd", "blib2to3")


def bring(*modules: str, **facts: object) -> Bring:
    return Bring(**{"modules": modules, "chosen": False, **facts})  # type: ignore[arg-type]


def verdict(brought: dict[str, Bring], **faults: str | tuple[str, str]) -> Verdict:
    """Judge: by module, its error, and the module that it lacked."""
    pairs = {name: (found, None) if isinstance(found, str) else found for name, found in faults.items()}
    return judge(brought, {name: Fault(module=name, error=pair[0], lacks=pair[1]) for name, pair in pairs.items()})


def lacks(module: str) -> tuple[str, str]:
    return f"ModuleNotFoundError: No module named {module!r}", module


@pytest.mark.parametrize(
    "fault", [lacks("matplotlib"), "ImportError: libGL.so.1: cannot open", "ended by signal 11"], ids=str
)
def test_a_package_that_only_others_need_is_told(fault: str | tuple[str, str]) -> None:
    found = verdict({"matplotlib-inline": bring("matplotlib_inline")}, matplotlib_inline=fault)
    assert found.blocking == ()
    assert len(found.told) == 1


def test_nothing_that_was_compiled_here_goes_out_broken() -> None:
    brought = {"fast": bring("fast", built=True), "lib": bring("lib")}
    assert verdict(brought, fast="ImportError: undefined symbol: cblas_dgemm").blocking
    assert verdict(brought, fast=lacks("lib.gone")).blocking
    assert not verdict(brought, fast=lacks("elsewhere")).blocking


def test_a_module_of_an_extra_that_nobody_asked_for_is_told() -> None:
    brought = {"black": bring(*BLACK, required=True, extras={"aiohttp": "d"})}
    found = verdict(brought, blackd=lacks("aiohttp"))
    assert found == Verdict(told=("blackd (of black) wants aiohttp, which black[d] brings",))


@pytest.mark.parametrize(
    ("brought", "faults"),
    [
        (bring(*BLACK, required=True, extras={"aiohttp": "d"}), {"black": lacks("aiohttp")}),
        (bring("yaml", required=True, extras={"x": "y"}), {"yaml": lacks("gone")}),
        (bring(*BLACK, required=True), {"blackd": lacks("aiohttp")}),
        (bring(*BLACK, required=True, extras={"aiohttp": "d"}), {"blackd": lacks("black.gone")}),
        (bring(*BLACK, required=True, extras={"aiohttp": "d"}), {"blackd": lacks("tkinter")}),
        (bring(*BLACK, required=True, extras={"aiohttp": "d"}), {"blackd": "ImportError: cannot import name 'x'"}),
        (bring("blackd"), {"blackd": lacks("aiohttp")}),
    ],
    ids=["the main one", "all of them", "no extras", "its own", "the library's", "no module lacks", "chosen"],
)
def test_what_blocks_of_a_required_package(brought: Bring, faults: dict[str, str | tuple[str, str]]) -> None:
    if brought.modules == ("blackd",):
        brought = Bring(modules=brought.modules)
    found = verdict({"black": brought}, **faults)
    assert found.blocking
    assert found.hint is not None


def test_the_hint_is_a_line_of_toml_that_settles_it() -> None:
    brought = {"black": bring(*BLACK, required=True, extras={"aiohttp": "d"})}
    found = verdict(brought, black=lacks("aiohttp"), blackd=lacks("aiohttp"))
    assert found.hint is not None
    assert "require black[d]" in found.hint
    line = found.hint.rpartition("below [packages.black]: ")[2]
    assert tomllib.loads(line) == {"imports": ["blib2to3"]}


def test_a_library_that_the_host_lacks_is_named() -> None:
    error = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    found = verdict({"opencv-python": bring("cv2", required=True)}, cv2=error)
    assert found.hint is not None
    assert "the hosts need libGL.so.1" in found.hint
    assert found.hint.endswith("below [packages.opencv-python]: imports = []")


def test_what_only_extras_bring_that_nobody_asked_for() -> None:
    metadata = (
        b"Name: x\nRequires-Dist: always\nRequires-Dist: old; python_version < '3.8'\n"
        b"Requires-Dist: aiohttp>=3; extra == 'd'\nRequires-Dist: aiohttp; sys_platform == 'win32' and extra == 'w'\n"
        b'Requires-Dist: Type_Stubs ; extra == "dev_tools"\nRequires-Dist: not a requirement\n\nRequires-Dist: text\n'
    )
    assert unasked(metadata, ()) == {"aiohttp": "d", "type-stubs": "dev-tools"}
    assert unasked(metadata, ("dev-tools",)) == {"aiohttp": "d"}
