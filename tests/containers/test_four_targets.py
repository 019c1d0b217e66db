"""One run, four targets: compiled in a container, proven in a plain one by each target's own Python and pip."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.images import BLIS, Image
from tests.support.installers import interpreter, pip_wheel
from tests.support.packages import make_wheel
from tests.support.sdists import extension, sdist
from tests.support.yard import Yard
from wheelyard.lock import pylock

pytestmark = [
    pytest.mark.container,
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.xdist_group("containers"),
]


@dataclass(frozen=True)
class Aim:
    python: str
    pip: str
    tag: str

    @property
    def name(self) -> str:
        return "py" + self.python.replace(".", "")


AIMS = (
    Aim("3.6", "9.0.3", "cp36-cp36m"),
    Aim("3.9", "21.2.3", "cp39-cp39"),
    Aim("3.12", "23.3.2", "cp312-cp312"),
    Aim("3.13", "24.2", "cp313-cp313"),
)
TABLE = """
[[target]]
name = "{name}"
python = "{python}"
platform = "manylinux_2_36_x86_64"
pip = "{pip}"
interpreter = "{interpreter}"
image = "{builder}"
host-image = "{host}"
"""


def test_one_run_for_four_targets(yard: Yard, image: Image) -> None:
    builder, host = image("builder"), image("host")
    make_wheel(yard.shop, "app", "1.0", requires=["fast", "dotted", "binary", 'old; python_version < "3.7"'])
    make_wheel(yard.shop, "old", "1.0")
    for aim in AIMS:
        make_wheel(yard.shop, "binary", "1.0", tag=f"{aim.tag}-manylinux1_x86_64")
    sdist(yard.shop, "fast", fast__c=extension("fast"))
    sdist(yard.shop, "dotted", more="\nLIBRARIES = ['-lblis']\n", dotted__c=BLIS)
    for version in ("21.3.1", *(aim.pip for aim in AIMS)):
        wheel = pip_wheel(version)
        (yard.shop / wheel.name).write_bytes(wheel.read_bytes())
    (yard.root / "requirements.in").write_text("app\n")
    tables = "".join(
        TABLE.format(
            name=aim.name,
            python=aim.python,
            pip=aim.pip,
            interpreter=interpreter(aim.python),
            builder=builder,
            host=host,
        )
        for aim in AIMS
    )
    (yard.root / "wheelyard.toml").write_text(f'requirements = ["requirements.in"]\n{tables}')

    done = yard.build()

    found = {target["name"]: target for target in done.summary["targets"]}
    assert set(found) == {aim.name for aim in AIMS}
    assert {target["proof"] for target in found.values()} == {"proven"}
    for aim in AIMS:
        lock = pylock.loads((yard.root / f"pylock.{aim.name}.toml").read_text(), where="")
        assert str(lock.image).startswith(f"{builder}@sha256:")
        names = sorted(path.name for path in (yard.wheelhouse / "targets" / aim.name).glob("*.whl"))
        assert [name for name in names if name.startswith("binary-")] == [f"binary-1.0-{aim.tag}-manylinux1_x86_64.whl"]
        for name in ("dotted", "fast"):
            (built,) = (entry for entry in names if entry.startswith(f"{name}-"))
            assert built.startswith(f"{name}-1.0-{aim.tag}-manylinux_2_")
        assert ("old-1.0-py3-none-any.whl" in names) == (aim.python == "3.6")
    # pip 9.0.3 sees no manylinux_2_X tag, so a newer one goes along, and the proof began with it.
    assert (yard.wheelhouse / "targets" / "py36" / "pip-21.3.1-py3-none-any.whl").exists()
    notes = [event["note"] for event in done.events if event["event"] == "job-finished" and event["stage"] == "prove"]
    assert len(notes) == 4
    assert all("ordinary user without network in localhost/wheelyard-host" in note for note in notes)
    again = yard.build()
    assert {target["proof"] for target in again.summary["targets"]} == {"proven"}
    assert not [event for event in again.events if event["event"] == "job-finished" and event["outcome"] == "done"]
