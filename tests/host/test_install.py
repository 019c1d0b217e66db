from __future__ import annotations

import argparse
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.offline_host import contents, install
from tests.support.packages import make_wheel
from tests.support.pythons import need, pack_python
from tests.support.signed_wheelhouses import house, key, lock, public, target
from wheelyard.bundle import manifest
from wheelyard.bundle.sign import sign
from wheelyard.host.basepython import unpack_python
from wheelyard.host.install import _forbidden
from wheelyard.host.refusal import Refused
from wheelyard.host.scheme import Place

VERSIONS = ["3.6", "3.12"]


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    house(tmp_path / "house", key=key())
    return tmp_path / "house"


SCHEMES = {
    "user": [],
    "venv": ["--venv", "{home}/place"],
    "prefix": ["--prefix", "{home}/place"],
    "home": ["--home", "{home}/place"],
    "target": ["--target", "{home}/place"],
    "root": ["--root", "{home}/place"],
}


def run_alpha(python: str, scheme: str, home: Path) -> str:
    """Run what was installed, as its user would."""
    version = ".".join(Path(python).resolve().name.removeprefix("python").split(".")[:2])
    place = home / "place"
    library = {
        "user": home / ".local/lib" / f"python{version}/site-packages",
        "venv": place / "lib" / f"python{version}/site-packages",
        "prefix": place / "lib" / f"python{version}/site-packages",
        "home": place / "lib/python",
        "target": place,
        "root": next(iter(place.rglob("alpha.py")), place).parent,
    }[scheme]
    script = home / ".local" if scheme == "user" else place
    program = next(path for path in script.rglob("alpha") if path.parent.name == "bin" and path.is_file())
    if scheme not in ("target", "root"):
        assert program.parent == (home / ".local/bin" if scheme == "user" else place / "bin")
    assert list(script.rglob("share/alpha/readme.txt"))
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONPATH": str(library)}
    done = subprocess.run([str(program)], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_every_scheme_installs_runs_and_leaves_nothing_behind(
    version: str, scheme: str, wheelhouse: Path, tmp_path: Path
) -> None:
    python = need(version)
    home = tmp_path / "home"
    home.mkdir()
    options = [each.format(home=home) for each in SCHEMES[scheme]]
    done = install(python, wheelhouse, *options, home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "chosen: targets/py" in done.stdout
    assert run_alpha(python, scheme, home) == "alpha with beta 1.0"
    listed = install(python, wheelhouse, "--list", home=home)
    assert "alpha 1.0" in listed.stdout
    assert "beta 1.0" in listed.stdout
    gone = install(python, wheelhouse, "--uninstall", *options, home=home)
    assert gone.returncode == 0, gone.stderr
    assert contents(home) == []


def test_the_key_is_remembered_and_a_changed_one_is_refused(wheelhouse: Path, tmp_path: Path) -> None:
    python, home = need("3.12"), tmp_path / "home"
    home.mkdir()
    options = ["--target", str(home / "place"), "-q"]
    unknown = install(python, wheelhouse, *options, home=home, trust=False)
    assert (unknown.returncode, "no-trust" in unknown.stderr) == (14, True)
    assert install(python, wheelhouse, *options, home=home).returncode == 0
    assert install(python, wheelhouse, *options, home=home, trust=False).returncode == 0
    house(wheelhouse, alpha="1.1", key=key("other"))
    refused = install(python, wheelhouse, *options, home=home, trust=False)
    assert (refused.returncode, "unknown-key" in refused.stderr) == (14, True)
    assert (home / "place" / "alpha-1.0.dist-info").is_dir()


def test_a_newer_set_replaces_the_older_one_whole(wheelhouse: Path, tmp_path: Path) -> None:
    python, home = need("3.12"), tmp_path / "home"
    home.mkdir()
    for options in ([], ["--prefix", str(home / "place")]):
        house(wheelhouse, alpha="1.0", key=key())
        assert install(python, wheelhouse, *options, "-q", "--allow-rollback", home=home).returncode == 0
        house(wheelhouse, alpha="1.1", beta="2.0", key=key())
        done = install(python, wheelhouse, *options, "-q", home=home)
        assert done.returncode == 0, done.stdout + done.stderr
        assert sorted(path.name for path in home.rglob("*.dist-info")) == ["alpha-1.1.dist-info", "beta-2.0.dist-info"]
        assert install(python, wheelhouse, "--uninstall", *options, home=home).returncode == 0
        assert contents(home) == []


def test_only_some_requirements_and_what_they_need(wheelhouse: Path, tmp_path: Path) -> None:
    python, home = need("3.12"), tmp_path / "home"
    home.mkdir()
    assert install(python, wheelhouse, "beta", "-q", home=home).returncode == 0
    assert [path.name for path in home.rglob("*.dist-info")] == ["beta-1.0.dist-info"]
    missing = install(python, wheelhouse, "gamma", "-q", home=home)
    assert missing.returncode == 11
    assert "not-installable" in missing.stderr
    assert [path.name for path in home.rglob("*.dist-info")] == ["beta-1.0.dist-info"]


@pytest.mark.parametrize("version", VERSIONS)
def test_dry_run_and_show_change_nothing(version: str, wheelhouse: Path, tmp_path: Path) -> None:
    python, home = need(version), tmp_path / "home"
    home.mkdir()
    venv = [["--dry-run", "--venv", str(home / "v")]] if version == "3.6" else []
    for options in (["--dry-run"], ["--show"], ["--show", "alpha"], *venv):
        done = install(python, wheelhouse, *options, home=home)
        assert done.returncode == 0, done.stdout + done.stderr
    assert contents(home) == []


def flip(path: Path, at: int = 40) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.unlink()  # not through the hard link
    path.write_bytes(content)


BROKEN = {
    "wheel": ("changed", 7),
    "page": ("changed", 7),
    "lock": ("changed", 7),
    "manifest": ("bad-manifest", 14),
    "manifest value": ("bad-signature", 14),
    "signature": ("bad-signature", 14),
    "install.py": ("changed", 7),
    "extra": ("extra-file", 7),
    "missing": ("missing", 7),
    "no signature": ("unsigned", 14),
    "no manifest": ("no-manifest", 2),
    "symlink": ("unsafe-file", 14),
    "gigabyte": ("manifest-too-big", 14),
}


def damage(what: str, wheelhouse: Path, folder: Path) -> None:
    wheel, listed = next(folder.glob("alpha-*.whl")), wheelhouse / "manifest.json"

    def replace(path: Path, target: str) -> None:
        path.unlink()
        path.symlink_to(target)

    deeds: dict[str, Callable[[], object]] = {
        "wheel": lambda: flip(wheel),
        "page": lambda: flip(folder / "index.html", 5),
        "lock": lambda: flip(folder / "requirements.txt"),
        "manifest": lambda: flip(listed, 0),
        "manifest value": lambda: listed.write_bytes(listed.read_bytes().replace(b'"sequence":1', b'"sequence":2')),
        "signature": lambda: flip(wheelhouse / "manifest.json.sig", 120),
        "install.py": lambda: (wheelhouse / "install.py").write_text((wheelhouse / "install.py").read_text() + "#\n"),
        "extra": lambda: (folder / "beta-9-py3-none-any.whl").write_bytes(b""),
        "missing": wheel.unlink,
        "no signature": (wheelhouse / "manifest.json.sig").unlink,
        "no manifest": listed.unlink,
        "symlink": lambda: replace(wheel, "/etc/passwd"),
        "gigabyte": lambda: os.truncate(listed, 1 << 30),
    }
    deeds[what]()


@pytest.mark.parametrize("what", list(BROKEN))
@pytest.mark.parametrize("version", VERSIONS)
def test_a_damaged_wheelhouse_is_refused_by_name(what: str, version: str, wheelhouse: Path, tmp_path: Path) -> None:
    python, home = need(version), tmp_path / "home"
    home.mkdir()
    folder = wheelhouse / "targets" / ("py" + version.replace(".", ""))
    damage(what, wheelhouse, folder)
    done = install(python, wheelhouse, home=home)
    name, code = BROKEN[what]
    assert done.returncode == code, done.stdout + done.stderr
    assert f"[{name}]" in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(home) == []


def test_time_and_order(wheelhouse: Path, tmp_path: Path) -> None:
    python, home = need("3.12"), tmp_path / "home"
    home.mkdir()

    def outcome(*options: str) -> str:
        done = install(python, wheelhouse, "-q", "--target", str(home / "t"), *options, home=home)
        return "done" if done.returncode == 0 else done.stderr.rpartition("[")[2].strip("]\n")

    house(wheelhouse, alpha="1.1", key=key(), expires="2020-01-01T00:00:00Z")
    assert outcome() == "expired"
    assert outcome("--allow-expired") == "done"
    house(wheelhouse, alpha="1.2", key=key(), created="2999-01-01T00:00:00Z")
    assert outcome() == "wrong-clock"
    assert outcome("--allow-wrong-clock") == "done"
    (wheelhouse / "manifest.json").unlink()
    house(wheelhouse, alpha="1.0", key=key())
    assert outcome() == "older-sequence"
    for alpha in ("1.3", "1.4"):
        house(wheelhouse, alpha=alpha, key=key())
    assert outcome() == "same-sequence"
    assert outcome("--allow-rollback") == "done"
    assert outcome("--threshold", "2") == "too-few-signatures"
    revoked = tmp_path / "revoked"
    revoked.write_text(public().read_text())
    assert outcome("--revoked", str(revoked)) == "revoked-key"
    assert outcome() == "revoked-key"  # and stays so


def test_signatures_that_do_not_count(wheelhouse: Path, tmp_path: Path) -> None:
    python, home = need("3.6"), tmp_path / "home"
    home.mkdir()
    signature, manifest = wheelhouse / "manifest.json.sig", wheelhouse / "manifest.json"
    both = tmp_path / "both"
    both.write_text("".join(f"{name} {public(name).read_text()}" for name in ("admin", "second")))

    def outcome(*options: str) -> str:
        trust = ("--trust", str(both), *options)
        done = install(python, wheelhouse, "--show", *trust, home=home, trust=False)
        return "done" if done.returncode == 0 else done.stderr.rpartition("[")[2].strip("]\n")

    once = signature.read_text()
    assert outcome() == "done"
    signature.write_text(once + once)
    assert outcome("--threshold", "2") == "too-few-signatures"  # one key twice is one key
    sign(wheelhouse, [key("second")], add=True)
    assert outcome("--threshold", "2") == "done"
    signature.unlink()
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(key()), str(manifest)]
    subprocess.run(command, check=True, capture_output=True)
    assert outcome() == "wrong-namespace"


def test_a_variant_is_taken_only_when_asked_for(tmp_path: Path) -> None:
    python, home, root = need("3.12"), tmp_path / "home", tmp_path / "house"
    home.mkdir()
    found = [
        target("3.12", variant="v9", needs={"simd": "x86-64-v9"}),
        target("3.12", variant="odd", needs={"tag": "blue"}),
    ]
    found += [target("3.12"), target("3.12", variant="v1")]
    house(root, targets=found, key=key())
    for options, wanted in (([], "py312"), (["--variant", "auto"], "py312.v1"), (["--variant", "v1"], "py312.v1")):
        done = install(python, root, "--show", *options, home=home)
        assert f"chosen: targets/{wanted}\n" in done.stdout, done.stdout
    none = install(python, root, "--show", "--variant", "v9", home=home)
    assert none.returncode == 5
    assert "needs a CPU of level x86-64-v9" in none.stderr
    unknown = install(python, root, "--show", "--variant", "odd", home=home)
    assert unknown.returncode == 5
    assert "py312.odd: needs tag blue, of which this installer knows nothing" in unknown.stderr


def test_a_host_without_a_folder_is_told_why(tmp_path: Path) -> None:
    house(tmp_path / "house", targets=[target("3.99")], key=key())
    done = install(need("3.12"), tmp_path / "house", home=tmp_path)
    assert done.returncode == 5
    assert "py399: is for Python 3.99" in done.stderr


def test_inside_a_venv_it_installs_there_and_user_is_refused(wheelhouse: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run([need("3.12"), "-m", "venv", str(tmp_path / "v")], check=True)
    python = str(tmp_path / "v" / "bin" / "python")
    done = install(python, wheelhouse, "--user", home=home)
    assert (done.returncode, "user-in-venv" in done.stderr) == (2, True)
    assert install(python, wheelhouse, "-q", home=home).returncode == 0
    assert subprocess.run([str(tmp_path / "v" / "bin" / "alpha")], check=False).returncode == 0
    assert install(python, wheelhouse, "--uninstall", home=home).returncode == 0
    assert not (tmp_path / "v" / "bin" / "alpha").exists()


def test_a_carried_python_is_unpacked_and_installed_into(tmp_path: Path) -> None:
    """The host's Python is too old for every folder; the wheelhouse brings one."""
    carried, old = Path(need("3.12")).resolve().parents[1], need("3.6")
    home, root = tmp_path / "home", tmp_path / "house"
    home.mkdir()
    archive = root / "python" / "cpython-3.12.tar"
    archive.parent.mkdir(parents=True)
    pack_python(carried, archive)
    with_python = target("3.12")._replace(python_archive="python/cpython-3.12.tar")
    house(root, targets=[with_python], key=key())
    assert install(old, root, home=home).returncode == 5
    done = install(old, root, "--with-python", home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    place = home / ".local/share/wheelyard/python/py312/python"
    ran = subprocess.run([str(place / "bin" / "alpha")], capture_output=True, text=True, check=True)
    assert ran.stdout == "alpha with beta 1.0\n"
    gone = install(old, root, "--with-python", "--uninstall", home=home)
    assert gone.returncode == 0, gone.stderr
    assert contents(home) == []


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("../evil", tarfile.REGTYPE, ""),
        ("/evil", tarfile.REGTYPE, ""),
        ("python/x", tarfile.SYMTYPE, "../../evil"),
        ("python/x", tarfile.SYMTYPE, "/etc/passwd"),
        ("python/x", tarfile.LNKTYPE, "../evil"),
        ("python/x", tarfile.CHRTYPE, ""),
    ],
)
def test_a_hostile_python_archive_is_not_unpacked(name: str, kind: bytes, link: str, tmp_path: Path) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    with tarfile.open(tmp_path / "p.tar", "w") as stream:
        stream.addfile(member)
    with pytest.raises(Refused) as caught:
        unpack_python(str(tmp_path / "p.tar"), str(tmp_path / "into"))
    assert caught.value.name == "unsafe-member"
    assert contents(tmp_path) == ["p.tar"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scheme", ["user", "prefix"])
def test_a_failure_in_the_middle_is_undone(version: str, scheme: str, tmp_path: Path) -> None:
    """The last package of the set cannot be written: a file is where its folder must be."""
    python, home, root = need(version), tmp_path / "home", tmp_path / "house"
    home.mkdir()
    options = [each.format(home=home) for each in SCHEMES[scheme]]
    house(root, targets=[target(version)], key=key())
    assert install(python, root, "-q", *options, home=home).returncode == 0
    site = next(home.rglob("alpha.py")).parent
    (site / "zeta").write_text("in the way")

    def files() -> dict[Path, bytes]:  # what is remembered of the trust may go on
        apart = {"__pycache__", ".config"}
        return {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and not apart & set(path.parts)}

    before = files()
    zeta = make_wheel(tmp_path, "zeta", "1.0", files={"zeta/__init__.py": ""})
    house(root, targets=[target(version)], alpha="1.1", beta="2.0", extra=[zeta])
    locked = root / "targets" / target(version).folder / "requirements.txt"
    locked.write_text(locked.read_text() + lock([zeta]))
    manifest.update(root, targets=[target(version)])
    sign(root, [key()])
    done = install(python, root, "-q", *options, home=home)
    assert done.returncode == 11, done.stdout + done.stderr
    assert "[install-failed]" in done.stderr
    assert files() == before


def test_pep_668_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("wheelyard.host.install.externally_managed", lambda python: "/usr/lib/EXTERNALLY-MANAGED")
    for kind, forbidden in (("user", True), ("target", False), ("venv", False), ("prefix", False)):
        place = Place(kind=kind, base=str(tmp_path), python="python3")
        if forbidden:
            with pytest.raises(Refused, match="--venv ~/venv"):
                _forbidden(place, argparse.Namespace(break_system_packages=False))
            _forbidden(place, argparse.Namespace(break_system_packages=True))
        else:
            _forbidden(place, argparse.Namespace(break_system_packages=False))
