"""What the pages say of a wheelhouse that was built: its name, its modules, and the logs where they are asked for."""

from __future__ import annotations

from tests.support.packages import make_wheel
from tests.support.sdists import sdist
from tests.support.yard import Yard


def test_name_contact_date_modules_and_logs_reach_the_pages(yard: Yard) -> None:
    sdist(yard.shop, "made")
    make_wheel(yard.shop, "scikit-demo", "1.0", files={"skdemo.py": ""})
    plain = 'name = "Wheels & more"\ncontact = "https://help.example/"'
    yard.write("made\nscikit-demo\n", site=plain)
    yard.build("--no-prove", SOURCE_DATE_EPOCH="1767225600")
    first = (yard.wheelhouse / "index.html").read_text()
    assert '<strong>Wheels &amp; more</strong><span class="generation"></span>, 2026-01-01' in first
    assert '<a href="https://help.example/">' in first
    assert '"skdemo"' in (yard.wheelhouse / "assets/projects.js").read_text()
    assert not (yard.wheelhouse / "logs").exists(), "a log says when and where it was built: only if it is asked for"
    yard.write("made\nscikit-demo\n", site=f"{plain}\nbuild-logs = true")
    yard.build("--no-prove")
    (log,) = (yard.wheelhouse / "logs").iterdir()
    assert "made" in log.read_text()
    assert f'href="../logs/{log.name}"' in (yard.wheelhouse / "projects/made.html").read_text()
    yard.write("made\nscikit-demo\n", site=plain)
    yard.build("--no-prove")
    assert not log.exists()
    assert "logs/" not in (yard.wheelhouse / "projects/made.html").read_text()
