"""Targets that build one sdist with other tools: the wheels have one name, and an index has room for one of them."""

from __future__ import annotations

import pytest

from tests.support.sdists import sdist
from tests.support.twins import wheels, write
from tests.support.yard import Yard

pytestmark = pytest.mark.slow

# As setuptools of different age write it: another generator, another order.
GENERATOR = """
import sys
_plain = build_wheel
def build_wheel(directory, settings=None, metadata=None):
    name = _plain(directory, settings, metadata)
    path = os.path.join(directory, name)
    with zipfile.ZipFile(path) as archive:
        members = [(each, archive.read(each)) for each in archive.namelist() if not each.endswith("RECORD")]
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in members:
            if each.endswith("METADATA"):
                content += METADATA
            if each.endswith("WHEEL"):
                content = content.replace(b"Generator: backend", b"Generator: backend %d" % sys.version_info[1])
            archive.writestr(each, content)
        rows = []
        for each in archive.namelist():
            content = archive.read(each)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.append("%s,sha256=%s,%d" % (each, digest, len(content)))
        info = "%s-%s.dist-info/RECORD" % (NAME, VERSION)
        archive.writestr(info, "\\n".join(rows + [info + ",,", ""]))
    return name
"""
PLAIN = "METADATA = b''\n" + GENERATOR
ASKING = "METADATA = b'Requires-Dist: plain\\n' if sys.version_info < (3, 10) else b''\n"


def test_twins_that_only_their_makers_tell_apart_are_one_file(yard: Yard) -> None:
    sdist(yard.shop, "plain", more=PLAIN, plain__py="ANSWER = 42\n")
    write(yard, "plain\n")
    yard.build()
    name = "plain-1.0-py3-none-any.whl"
    assert wheels(yard, "py39") == wheels(yard, "py312") == [name]
    old, new = (yard.wheelhouse / "targets" / each / name for each in ("py39", "py312"))
    assert old.read_bytes() == new.read_bytes()
    assert (yard.wheelhouse / "targets" / "py312" / "pylock.toml").read_text().count(name) >= 1
    before = yard.state()
    again = yard.build()
    assert (again.summary["built"], yard.state()) == (0, before)


def test_twins_that_ask_for_other_packages_are_told_apart_by_their_tags(yard: Yard) -> None:
    sdist(yard.shop, "plain", more=PLAIN, plain__py="ANSWER = 42\n")
    sdist(yard.shop, "asking", more="import sys\n" + ASKING + GENERATOR, asking__py="ANSWER = 43\n")
    write(yard, "asking\n")
    yard.build()
    assert wheels(yard, "py39") == ["asking-1.0-cp39-none-any.whl", "plain-1.0-py3-none-any.whl"]
    assert wheels(yard, "py312") == ["asking-1.0-cp312-none-any.whl"]
