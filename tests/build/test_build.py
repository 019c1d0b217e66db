"""From sdists to wheels in the store, with a real compiler, sandbox, repair and check."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builds import Yard
from tests.support.executor import Inline
from tests.support.packages import make_sdist, make_wheel
from tests.support.sandboxes import working
from tests.support.sdists import PYPROJECT, backend, extension, sdist
from wheelyard.domain.build import Recipe
from wheelyard.domain.errors import BuildError, HashMismatchError, RepairError, StorageError, VariantError
from wheelyard.domain.events import Warned
from wheelyard.domain.target import BuildHost, Target
from wheelyard.sandbox.workspace import base
from wheelyard.targets.interpreters import find
from wheelyard.wheels.read import read

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path, working("bubblewrap"))


def test_an_extension_once(yard: Yard) -> None:
    package = yard.sdist("demo", demo__c=extension("demo"), expects="binary")
    (built,) = yard.build(package)
    assert built.filename.split("-")[:2] == ["demo", "1.0"]
    assert "manylinux_2_5_x86_64.manylinux1_x86_64" in built.filename or "manylinux_2_17" in built.filename
    assert (built.sandbox, built.grafted) == ("bubblewrap", ())
    assert built.seconds > 0
    facts = read(yard.store.path(built.sha256), filename=built.filename, strict=True)
    assert facts.top_level_modules == ("demo",)
    assert yard.outcomes() == {"demo 1.0": "done"}
    assert yard.build(package) == [built]
    assert yard.outcomes() == {"demo 1.0": "reused"}
    assert not [path for path in base().iterdir() if path.name.startswith(built.key[:24])]
    # It works where it was built for.
    with yard.wheel(built) as archive:
        archive.extractall(yard.folder / "site")
    script = f"import sys; sys.path.insert(0, {str(yard.folder / 'site')!r}); import demo; print(demo.answer())"
    said = subprocess.run(
        [str(yard.target.build.interpreter), "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "42"


def test_the_same_bytes_again(yard: Yard, tmp_path: Path) -> None:
    first = yard.build(yard.sdist("demo", demo__c=extension("demo"), other__py="x = 1\n"))
    shutil.rmtree(yard.store.root)
    again = yard.build(yard.sdist("demo", demo__c=extension("demo"), other__py="x = 1\n"))
    assert yard.outcomes() == {"demo 1.0": "done"}
    assert first[0].sha256 == again[0].sha256


def test_a_lost_blob_is_built_again(yard: Yard) -> None:
    package = yard.sdist("demo", demo__py="")
    (built,) = yard.build(package)
    yard.store.path(built.sha256).unlink()
    assert yard.build(package)[0].sha256 == built.sha256
    assert yard.outcomes() == {"demo 1.0": "done"}


def test_requirements_are_built_first_and_seen(yard: Yard) -> None:
    fetched = yard.package(make_wheel(yard.folder, "helper", "3.0", files={"helper.py": "NAME = 'helped'\n"}))
    tool = yard.sdist("tool", tool__py="import helper\nTEXT = helper.NAME\n")
    text = {
        "pyproject.toml": PYPROJECT.replace("[]", "['tool', 'helper']", 1),
        "backend.py": "import tool\n" + backend("demo") + "\nopen('demo.py', 'w').write('TEXT = %r' % tool.TEXT)\n",
    }
    demo = yard.package(make_sdist(yard.folder, "demo", "1.0", text), build_requirements=(tool, fetched))
    (built,) = yard.build(demo)
    with yard.wheel(built) as archive:
        assert archive.read("demo.py") == b"TEXT = 'helped'"
    assert yard.outcomes() == {"tool 1.0": "done", "demo 1.0": "done"}


def test_another_executor_builds_by_what_is_in_the_store(yard: Yard) -> None:
    tool = yard.sdist("tool", tool__py="x = 1\n")
    text = {"pyproject.toml": PYPROJECT.replace("[]", "['tool']", 1), "backend.py": "import tool\n" + backend("demo")}
    demo = yard.package(make_sdist(yard.folder, "demo", "1.0", text), build_requirements=(tool,))
    executor = Inline()
    (built,) = yard.build(demo, executor=executor)
    assert executor.keys == [*yard.units(demo)[-1].requires, built.key]


def test_a_failure_leaves_the_rest_going(yard: Yard) -> None:
    bad = yard.sdist("bad", bad__c="this is not C\n")
    needs_bad = yard.sdist("waiting", waiting__py="", needs=(bad,))
    good = yard.sdist("good", good__py="")
    (error,) = yard.fail(bad, needs_bad, good)
    assert isinstance(error, BuildError)
    assert "bad.c:1:1: error" in str(error)
    assert error.log is not None
    assert "compiling bad.c" in error.log.read_text()
    assert yard.outcomes() == {"bad 1.0": "failed", "waiting 1.0": "skipped", "good 1.0": "done"}
    assert yard.fail(bad, good)[0].exit_code == 8
    assert yard.outcomes()["good 1.0"] == "reused"


def test_fail_fast(yard: Yard) -> None:
    packages = [yard.sdist("bad", bad__c="this is not C\n"), *(yard.sdist(f"good{n}", good__py="") for n in range(3))]
    yard.fail(*packages, jobs=1, fail_fast=True)
    assert list(yard.outcomes().values()) == ["failed", "skipped", "skipped", "skipped"]


def test_an_extension_that_silently_did_not_compile(yard: Yard) -> None:
    broken = {"speedups__c": "#include <nowhere.h>\n", "demo__py": "", "more": "\nOPTIONAL = True\n"}
    (error,) = yard.fail(yard.sdist("demo", expects="binary", **broken))  # type: ignore[arg-type]
    assert "a wheel without anything compiled came out" in str(error)
    assert "nowhere.h: No such file or directory" in str(error)
    # Where nobody has a compiled one, it is what it is.
    (built,) = yard.build(yard.sdist("demo", **broken))  # type: ignore[arg-type]
    assert built.filename == "demo-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("more", "message"),
    [("\nVERSION = '0.0.0'\n", "the version is"), ("\nNAME = 'other'\n", "the name is")],
)
def test_another_wheel_than_asked_for(yard: Yard, more: str, message: str) -> None:
    (error,) = yard.fail(yard.sdist("demo", demo__py="", more=more))
    assert message in str(error)


def test_another_version_than_asked_for(yard: Yard) -> None:
    path = make_sdist(
        yard.folder, "demo", "1.0", {"pyproject.toml": PYPROJECT, "backend.py": backend("demo", "0.0.0"), "demo.py": ""}
    )
    (error,) = yard.fail(yard.package(path))
    assert "the backend built demo 0.0.0" in str(error)


def test_a_wheel_for_another_python(yard: Yard) -> None:
    more = (
        "\n_build = build_wheel\ndef build_wheel(where, *a):\n    sys.version_info = (2, 7)\n    return _build(where)\n"
    )
    (error,) = yard.fail(yard.sdist("demo", demo__c=extension("demo"), more=more))
    assert f"does not fit {yard.target.name}" in str(error)


def test_an_open_socket_is_denied(yard: Yard) -> None:
    more = "\nimport socket\ndef build_wheel(*a):\n    socket.create_connection(('192.0.2.1', 80), timeout=5)\n"
    (error,) = yard.fail(yard.sdist("demo", demo__py="", more=more))
    assert "Network is unreachable" in str(error)


def test_patches_and_environment_count(yard: Yard) -> None:
    package = yard.sdist("demo", demo__c=extension("demo", answer="ANSWER"))
    yard.recipes["demo"] = Recipe(environment={"CFLAGS": "-DANSWER=7"})
    (seven,) = yard.build(package)
    patch = yard.folder / "more.patch"
    patch.write_text("--- /dev/null\n+++ b/extra.py\n@@ -0,0 +1 @@\n+y = 2\n")
    yard.recipes["demo"] = Recipe(environment={"CFLAGS": "-DANSWER=7"}, patches=(patch,))
    (patched,) = yard.build(package)
    assert seven.key != patched.key
    with yard.wheel(patched) as archive:
        assert archive.read("extra.py") == b"y = 2\n"


def test_a_local_version(yard: Yard) -> None:
    package = yard.sdist("demo", demo__c=extension("demo"))
    yard.recipes["demo"] = Recipe(local_version="openblas.v3")
    (built,) = yard.build(package)
    assert built.filename.startswith("demo-1.0+openblas.v3-cp")
    facts = read(yard.store.path(built.sha256), filename=built.filename, strict=True)
    assert facts.version == "1.0+openblas.v3"


def test_what_was_not_fetched(yard: Yard) -> None:
    package = yard.sdist("demo", demo__py="")
    yard.store.path(package.file.sha256).unlink()
    (error,) = yard.fail(package)
    assert isinstance(error, StorageError)


@pytest.mark.parametrize("changed", ["the sdist", "a fetched requirement", "a built requirement"])
def test_what_was_changed_in_the_store_is_neither_run_nor_published(yard: Yard, changed: str) -> None:
    fetched = yard.package(make_wheel(yard.folder, "helper", "3.0", files={"helper.py": "pass\n"}))
    tool = yard.sdist("tool", tool__py="")
    demo = yard.sdist("demo", demo__py="", needs=(tool, fetched))
    (made,) = yard.build(tool)
    digest = {"the sdist": demo.file.sha256, "a fetched requirement": fetched.file.sha256}.get(changed, made.sha256)
    blob = yard.store.path(digest)
    # Another good archive, which would do something else.
    if changed == "the sdist":
        other = sdist(yard.folder / "other", "demo", evil__py="")
    else:
        name = "helper" if changed == "a fetched requirement" else "tool"
        other = make_wheel(yard.folder / "other", name, "3.0" if name == "helper" else "1.0", files={"evil.py": ""})
    before = blob.stat()
    blob.chmod(0o644)
    blob.write_bytes(other.read_bytes())
    os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))  # else it is seen at once, and fetched or built again
    (error,) = yard.fail(demo)
    assert isinstance(error, HashMismatchError)
    assert str(blob) in str(error)
    assert "removed: run again" in str(error)
    assert not blob.exists()


def test_a_run_path_out_of_the_workspace_grafts_nothing_of_this_machine(yard: Yard, tmp_path: Path) -> None:
    system = next(Path("/usr/lib").rglob("libbz2.so.1.0"), None)
    if yard.sandbox.isolation != "full" or system is None:
        pytest.skip("nothing is cut off here, or libbz2 is not installed")
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.copy(system, outside / "libbz2.so.1.0")
    link = f"-Wl,--no-as-needed -l:libbz2.so.1.0 -L{system.parent}"
    package = yard.sdist("demo", demo__c=extension("demo"))
    yard.recipes["demo"] = Recipe(environment={"CFLAGS": link})
    (made,) = yard.build(package)
    assert [name.partition("-")[0] for name in made.grafted] == ["libbz2"]
    yard.recipes["demo"] = Recipe(environment={"CFLAGS": f"{link} -Wl,-rpath,{outside}"})
    (error,) = yard.fail(package)
    assert isinstance(error, RepairError)
    assert f"from {outside}/libbz2.so.1.0, which its build cannot see" in str(error)


def test_a_patch_that_is_changed_meanwhile(yard: Yard) -> None:
    patch = yard.folder / "more.patch"
    patch.write_text("--- /dev/null\n+++ b/extra.py\n@@ -0,0 +1 @@\n+y = 2\n")
    yard.recipes["demo"] = Recipe(patches=(patch,))
    package = yard.sdist("demo", demo__py="")
    units = yard.units(package)
    patch.write_text(patch.read_text().replace("y = 2", "y = 3"))
    yard.units = lambda *_: units  # type: ignore[method-assign]
    (error,) = yard.fail(package)
    assert "a patch was changed" in str(error)


@pytest.mark.parametrize("version", ["3.6", "3.9", "3.13"])
def test_other_pythons(yard: Yard, version: str) -> None:
    interpreter = find(Target(name="any", python=version, python_full=f"{version}.0", platform=yard.target.platform))
    if interpreter is None:
        pytest.skip(f"there is no Python {version}")
    yard.target = replace(
        yard.target,
        python=version,
        python_full=interpreter.version,
        build=BuildHost(interpreter=interpreter.path),
        name=f"cp{version}",
    )
    (built,) = yard.build(yard.sdist("demo", demo__c=extension("demo")))
    tag = "cp36-cp36m" if version == "3.6" else f"cp{version.replace('.', '')}-cp{version.replace('.', '')}"
    assert f"-{tag}-manylinux" in built.filename
    # What leads to this machine's Python is gone from the object.
    with yard.wheel(built) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".so"))
        assert str(Path(interpreter.path).parent.parent).encode() not in archive.read(name)


def test_keys_and_order(yard: Yard) -> None:
    tool = yard.sdist("tool", tool__py="")
    one, two = yard.sdist("one", one__py="", needs=(tool,)), yard.sdist("two", two__py="", needs=(tool,))
    units = yard.units(one, two)
    assert [unit.package.name for unit in units] == ["tool", "one", "two"]
    assert units[1].requires == units[2].requires == (units[0].key,)


LOOP = "void add_scaled(long n, double f, double *x, double *y) { for (long i = 0; i < n; i++) y[i] += f * x[i]; }"
KERNEL = """
__attribute__((target("avx2"))) void NAME(long n, double *x) { for (long i = 0; i < n; i++) x[i] *= 3; }
void triple(long n, double *x) { if (__builtin_cpu_supports("avx2")) NAME(n, x); }
"""

on_intel = pytest.mark.skipif(
    platform.machine() != "x86_64" or shutil.which("objdump") is None, reason="levels of x86-64, read by objdump"
)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="not every compiler knows its own CPU")
def test_the_cpu_of_this_machine_is_left_out(yard: Yard) -> None:
    flags = "LIBRARIES = ['-O3', '-march=native', '-mtune=native', '-s']\n"
    (built,) = yard.build(yard.sdist("demo", demo__c=extension("demo", more=LOOP), more=flags))
    (said,) = [event.message for event in yard.heard if isinstance(event, Warned)]
    assert "demo 1.0" in said
    assert "-march=native, -mtune=native" in said
    with yard.wheel(built) as archive:
        (name,) = (member for member in archive.namelist() if member.endswith(".so"))
        archive.extractall(yard.folder / "site")
    table = subprocess.run(["nm", yard.folder / "site" / name], capture_output=True, text=True, check=True).stdout
    assert "add_scaled" in table, "what is judged by its functions keeps their names"
    emulator = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
    if emulator and platform.machine() == "x86_64":
        script = f"import sys; sys.path.insert(0, {str(yard.folder / 'site')!r}); import demo; print(demo.answer())"
        oldest = [emulator, "-cpu", "Nehalem", str(yard.target.build.interpreter), "-I", "-c", script]
        assert subprocess.run(oldest, capture_output=True, text=True, check=True).stdout.strip() == "42"


@on_intel
@pytest.mark.parametrize("flags", [["-mavx512f"], ["-march=x86-64-v3"], ["-mavx2", "-s"]], ids=" ".join)
def test_a_baseline_for_a_newer_cpu_is_refused(yard: Yard, flags: list[str]) -> None:
    demo = yard.sdist("demo", demo__c=extension("demo", more=LOOP), more=f"LIBRARIES = ['-O3', *{flags!r}]\n")
    (error,) = yard.fail(demo)
    assert isinstance(error, VariantError)
    assert re.search("would die on hosts of the target, which have x86-64: demo.*so needs x86-64-v[34] in", str(error))
    line = "[packages.demo] dispatched = ['^add_scaled$'"
    assert line in (error.hint or "")
    assert "[[target]] cpu-level" in (error.hint or "")
    yard.recipes["demo"] = Recipe(dispatched=("add_scaled", "demo"))
    assert yard.build(demo)
    # Nobody else takes it out of the store unjudged.
    yard.recipes.clear()
    yard.fail(demo)
    yard.target = replace(yard.target, cpu_level="x86-64-v4")
    assert yard.build(demo)


@on_intel
def test_kernels_that_are_chosen_at_run_time_are_no_fault(yard: Yard) -> None:
    kernels = LOOP + KERNEL.replace("NAME", "triple_avx2")
    yard.build(yard.sdist("named", named__c=extension("named", more=kernels), more="LIBRARIES = ['-O3']\n"))
    clones = LOOP.replace("void", '__attribute__((target_clones("avx2", "avx512f", "default"))) void', 1)
    yard.build(yard.sdist("cloned", cloned__c=extension("cloned", more=clones), more="LIBRARIES = ['-O3']\n"))
    untold = LOOP + KERNEL.replace("NAME", "triple_fast")
    (error,) = yard.fail(yard.sdist("untold", untold__c=extension("untold", more=untold), more="LIBRARIES = ['-O3']\n"))
    assert "[packages.untold] dispatched = ['^triple_fast$']" in (error.hint or "")
