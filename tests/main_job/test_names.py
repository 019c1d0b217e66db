"""A file name that was published keeps its bytes, whatever is upgraded."""

from __future__ import annotations

import shutil

import pytest

from tests.support.packages import make_wheel
from tests.support.sdists import PYPROJECT, sdist
from tests.support.yard import Yard

pytestmark = pytest.mark.slow

NAME = "plain-1.0-py3-none-any.whl"
MADE = """
_plain = build_wheel
def build_wheel(directory, settings=None, metadata=None):
    import tool
    with open("made.py", "w") as stream:
        stream.write("BY = %r\\n" % ((tool.VERSION, os.environ.get("ANSWER")),))
    return _plain(directory, settings, metadata)
"""


def stock(yard: Yard) -> bytes:
    """Publish a wheel whose bytes depend on a build requirement, and have a newer one; return the wheel."""
    pyproject = PYPROJECT.replace("requires = []", 'requires = ["tool"]')
    sdist(yard.shop, "plain", more=MADE, plain__py="ANSWER = 42\n", pyproject__toml=pyproject)
    make_wheel(yard.shop, "tool", "1.0")
    make_wheel(yard.shop, "good", "1.0")
    yard.write("plain\ngood\n")
    yard.build("--no-prove")
    make_wheel(yard.shop, "tool", "2.0")
    return (yard.folder / NAME).read_bytes()


def test_what_newer_tools_build_from_the_same_does_not_replace_what_was_published(yard: Yard) -> None:
    published = stock(yard)
    done = yard.build("--no-prove", "-U")
    assert done.summary["built"] == 1, "it is built again, with the newer tool"
    assert (yard.folder / NAME).read_bytes() == (yard.wheelhouse / "files" / NAME).read_bytes() == published
    before = yard.state()
    shutil.rmtree(yard.root / "cache")  # the wheelhouse alone has the bytes now
    yard.build("--no-prove")
    assert yard.state() == before


def test_what_is_built_otherwise_gets_a_name_of_its_own(yard: Yard) -> None:
    published = stock(yard)
    before = yard.state()
    rule = 'environment = { ANSWER = "43" }'
    yard.write("plain\ngood\n", **{"packages.plain": rule})
    done = yard.run("build", "--no-prove", "--quiet")
    assert done.code == 7, done.err
    line = done.err.partition("below [packages.plain]: ")[2].partition(")")[0]
    assert line == "build-number = 1"
    assert yard.state() == before
    yard.write("plain\ngood\n", **{"packages.plain": f"{rule}\n{line}"})
    yard.build()
    assert sorted(path.name for path in yard.folder.glob("plain*.whl")) == ["plain-1.0-1-py3-none-any.whl"]
    assert yard.run("check", str(yard.wheelhouse)).code == 0

    yard.write("plain\ngood\n")  # back again, under the name that left: its bytes are known still
    done = yard.run("build", "--no-prove", "-U", "--quiet")
    assert done.code == 7
    assert NAME in done.err
    assert published != b""
