"""A package's own check: what it calculates where its folder is proven."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from tests.support.yard import Yard
from wheelyard.config.load import load
from wheelyard.domain.errors import Failures
from wheelyard.variants.axes.blas.proof import BlasProof
from wheelyard.variants.book import builtin

WRONG = """
check = "import app; assert app.area(2, 3) == 6, 'no rectangle'"
"""


def test_a_package_that_calculates_wrongly_is_not_published(yard: Yard) -> None:
    """It installs and imports; its check is a part of the proof, in every folder, and the page says that it was run."""
    make_wheel(yard.shop, "app", "1.0", files={"app.py": "def area(a, b):\n    return a + b\n"})
    yard.write("app\n", **{"packages.app": WRONG})
    done = yard.run("build", "--json")
    assert done.code == 11, done.out + done.err
    (error,) = [event for event in done.events if event["event"] == "error"]
    assert error["message"].startswith("app does not pass its check: AssertionError: no rectangle")
    assert not yard.folder.exists()

    (yard.root / "checks.py").write_text("import app, sys\nsys.exit(app.area(2, 2) != 4)\n")
    yard.write("app\n", **{"packages.app": 'check = "checks.py"'})
    (folder,) = yard.build().summary["targets"]
    assert folder["reason"].endswith("; calculated: app passes its check")
    assert "calculated: app passes its check" in (yard.folder / "index.html").read_text()


def test_what_is_no_check_is_said_when_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("app\nother\n")
    place = tmp_path / "wheelyard.toml"
    place.write_text(
        'requirements = ["requirements.in"]\n[packages.app]\ncheck = "assert (1"\n[packages.other]\ncheck = "no.py"\n'
    )
    with pytest.raises(Failures) as caught:
        load(place)
    assert [error.where for error in caught.value.errors] == [
        "wheelyard.toml: [packages.app] check",
        "wheelyard.toml: [packages.other] check",
    ]
    assert "no Python code: '(' was never closed" in str(caught.value.errors[0])
    assert "No such file" in str(caught.value.errors[1])


def test_a_proof_says_calculated_or_loaded_as_it_was() -> None:
    loaded = {"libmkl.so": "mkl"}
    assert BlasProof(loaded=loaded).words == (
        "loaded: mkl in libmkl.so; loaded only, nothing was calculated: [packages.NAME] check says what to calculate"
    )
    assert BlasProof(loaded=loaded, checked=True).words == "loaded: mkl in libmkl.so", "the check has words of its own"
    assert BlasProof(loaded=loaded, says={"numpy": "mkl"}).words.endswith("; dgemm and eigh are right in numpy")


def test_recipes_bring_checks_for_packages_that_calculate() -> None:
    for package, version in (("numpy", "2.3.5"), ("numpy", "2.4.1"), ("scipy", "1.17.1"), ("bottleneck", "1.6.0")):
        code = builtin().check_of(package, version)
        assert code is not None
        assert "assert " in code
    assert builtin().check_of("zstandard", "0.25") is None
