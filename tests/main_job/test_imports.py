"""Modules that do not import: what keeps a folder from being published, and what is only told."""

from __future__ import annotations

from tests.support.packages import make_wheel
from tests.support.yard import Yard


def test_a_module_of_a_dependency_that_wants_more_is_told(yard: Yard) -> None:
    make_wheel(yard.shop, "app", "1.0", requires=["inline"])
    make_wheel(yard.shop, "inline", "1.0", files={"inline.py": "import plots\n"})
    yard.write("app\n")
    (target,) = yard.build().summary["targets"]
    assert (target["proof"], target["told"]) == ("proven", ["inline wants plots"])
    assert "inline wants plots" in (yard.folder / "index.html").read_text()
    shown = yard.run("build")
    assert "these modules ask for what the lock does not have" in shown.out
    before = yard.state()
    (again,) = yard.build().summary["targets"]
    assert again["told"] == target["told"]
    assert yard.state() == before


def test_a_module_that_an_extra_is_for_is_told(yard: Yard) -> None:
    daemon = "try:\n    import aserver\nexcept ImportError:\n    raise ImportError('install app[d]') from None\n"
    files = {"app.py": "", "appd.py": daemon}
    make_wheel(yard.shop, "app", "1.0", files=files, requires=["aserver; extra == 'd'"], extras=["d"])
    make_wheel(yard.shop, "aserver", "1.0")
    yard.write("app\n")
    (target,) = yard.build().summary["targets"]
    assert target["told"] == ["appd (of app) wants aserver, which app[d] brings"]
    yard.write("app[d]\n")
    (target,) = yard.build().summary["targets"]
    assert target["told"] == []


def test_the_error_has_the_line_that_settles_it(yard: Yard) -> None:
    gl = "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')\n"
    make_wheel(yard.shop, "vision", "1.0", files={"cv.py": gl, "more.py": ""})
    yard.write("vision\n")
    done = yard.run("build", "--quiet")
    assert done.code == 11
    assert "the hosts need libGL.so.1" in done.err
    _, _, line = done.err.partition("below [packages.vision]: ")
    line = line[: line.index("]") + 1]
    assert line == 'imports = ["more"]'
    yard.write("vision\n", **{"packages.vision": line})
    (target,) = yard.build().summary["targets"]
    assert target["proof"] == "proven"
