"""A host whose Python is too old for every folder is given the one that the admin put beside them."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from tests.support.packages import make_wheel
from tests.support.pythons import need, pack_python
from tests.support.yard import Yard, bundled_pip

ARCHIVE = "cpython-3.12.tar"


def write(yard: Yard, sha256: str) -> None:
    make_wheel(yard.shop, "app", "1.0")
    (yard.root / "requirements.in").write_text("app\n")
    (yard.root / "wheelyard.toml").write_text(
        'requirements = ["requirements.in"]\n[[target]]\npython = "3.12"\nplatform = "manylinux_2_28_x86_64"\n'
        f'pip = "{bundled_pip().name.split("-")[1]}"\n'
        f'carried-python = "{ARCHIVE}"\ncarried-python-sha256 = "{sha256}"\n'
    )


def test_it_lies_in_the_wheelhouse_and_installs_on_an_older_host(yard: Yard, tmp_path: Path) -> None:
    python = Path(need("3.12")).resolve().parents[1]
    old = need("3.6")
    pack_python(python, yard.root / ARCHIVE)
    write(yard, hashlib.sha256((yard.root / ARCHIVE).read_bytes()).hexdigest())
    yard.build()
    assert (yard.wheelhouse / "python" / ARCHIVE).is_file()
    (page,) = (yard.wheelhouse / "targets").glob("*/index.html")
    assert "install.py --with-python" in page.read_text()
    before = yard.state()
    yard.build()
    assert yard.state() == before

    home = tmp_path / "host"
    home.mkdir()

    def install(*options: str) -> subprocess.CompletedProcess[str]:
        command = [old, str(yard.wheelhouse / "install.py"), "--allow-unsigned", *options]
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert install().returncode == 5
    done = install("--with-python")
    assert done.returncode == 0, done.stdout + done.stderr
    (unpacked,) = home.glob(".local/share/wheelyard/python/*/python/bin/python3")
    assert subprocess.run([unpacked, "-c", "import app"], check=False).returncode == 0


def test_another_archive_than_the_promised_one_is_refused(yard: Yard) -> None:
    (yard.root / ARCHIVE).write_bytes(b"something else")
    write(yard, "0" * 64)
    done = yard.run("build")
    assert done.code == 7
    assert "carried-python: expected sha256 0000" in done.err
    assert not yard.wheelhouse.exists()


def test_an_archive_whose_digest_is_not_given_is_refused(yard: Yard) -> None:
    (yard.root / ARCHIVE).write_bytes(b"something")
    write(yard, "")
    done = yard.run("build")
    assert (done.code, "carried-python-sha256" in done.err) == (3, True)
