from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.packages import make_wheel
from tests.support.sandboxes import Opened
from tests.support.sdists import sdist
from wheelyard.domain.repaired import RepairRequest
from wheelyard.repair.repair import repair
from wheelyard.sandbox.container.libraries import collect
from wheelyard.targets.here import this_machine


def test_what_the_objects_load_is_brought_out(opened: Opened, tmp_path: Path) -> None:
    """As from an image: repair finds the library in the folder only, and not where it was."""
    place = opened(sdist(tmp_path, "demo"))
    away = place.root / "away"
    away.mkdir()
    (away / "add.c").write_text("int add(int a) { return a + 1; }\n")
    (away / "ext.c").write_text(
        "int add(int); int more(void) { return add(1); } void *PyInit_ext(void) { return 0; }\n"
    )
    subprocess.run(
        ["cc", "-shared", "-fPIC", "add.c", "-o", "libadd.so.1", "-Wl,-soname,libadd.so.1"], cwd=away, check=True
    )
    link = [f"{away}/libadd.so.1", f"-Wl,-rpath,{away}", "-lc"]
    subprocess.run(["cc", "-shared", "-fPIC", "ext.c", "-o", "ext.so", *link], cwd=away, check=True)
    content = (away / "ext.so").read_bytes()
    files: dict[str, str | bytes] = {"demo/ext.so": content, "demo/no-object.so": "text", "demo/__init__.py": ""}
    wheel = make_wheel(tmp_path, "demo", "1.0", tag="cp312-cp312-linux_x86_64", files=files)
    (folder,) = collect(place, wheel)
    assert "libadd.so.1" in {path.name for path in folder.iterdir()}
    (away / "libadd.so.1").unlink()
    repaired = repair(
        RepairRequest(wheel=wheel, into=tmp_path / "out", target=this_machine(), log=place.log, libraries=(folder,))
    )
    assert [name.partition("-")[0] for name in repaired.grafted] == ["libadd"]


def test_a_wheel_without_objects_has_none(opened: Opened, tmp_path: Path) -> None:
    assert collect(opened(sdist(tmp_path, "demo")), make_wheel(tmp_path, "demo", "1.0")) == ()
