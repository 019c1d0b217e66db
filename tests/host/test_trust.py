"""What travels to a host, and what may not: on the oldest Python and the newest, with nothing but the programs."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support.bundles import pack
from tests.support.offline_host import contents, install
from tests.support.pythons import need
from tests.support.signed_wheelhouses import house, key, public, target
from tests.support.trees import tree
from wheelyard.bundle.sign import sign
from wheelyard.bundle.single import import_py

VERSIONS = ["3.6", "3.13"]


def bring_in(
    python: str, folder: Path, *options: str | Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run import.py, which lies in ``folder``, within what any machine has: half a gigabyte, a minute of CPU."""

    def bounds() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    program = folder / "import.py"
    if not program.is_file():
        program.write_text(import_py())
    command = [python, str(program), *(str(option) for option in options)]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False, preexec_fn=bounds)


def name_of(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr, done.stderr
    return "done" if done.returncode == 0 else done.stderr.rpartition("[")[2].strip("]\n")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_rotation_travels_from_the_bundle_to_the_hosts(version: str, tmp_path: Path) -> None:
    python, home, into, root = need(version), tmp_path / "home", tmp_path / "into", tmp_path / "house"
    home.mkdir()

    def publish(alpha: str, *signers: str) -> Path:
        house(root, targets=[target(version)], alpha=alpha)
        return pack(root, tmp_path / f"{alpha}.tar", keys=[key(name) for name in signers]).volumes[0]

    def host(*options: str, place: str = "place") -> str:
        done = install(python, into / "current", "-q", "--target", str(home / place), *options, home=home, trust=False)
        return name_of(done)

    assert name_of(bring_in(python, tmp_path, publish("1.0", "admin"), "--into", into, "--trust", public())) == "done"
    assert host() == "no-trust"
    assert host("--trust", str(public())) == "done"
    (root / "allowed_signers").write_text(f"new {public('other').read_text()}")
    (root / "revoked_keys").write_text(public().read_text().strip())
    turned = publish("1.1", "admin")
    assert name_of(bring_in(python, tmp_path, turned, "--into", into)) == "done"
    assert name_of(bring_in(python, tmp_path, turned, "--into", into)) == "done"
    assert bring_in(python, tmp_path, "--into", into, "--check").returncode == 0
    assert host() == "done"
    assert host() == "done"  # the same one again: it did not revoke its own signature
    stolen = publish("1.2", "admin")
    assert name_of(bring_in(python, tmp_path, stolen, "--into", into)) == "revoked-key"
    for options in ((), ("--trust", str(public()))):
        refused = install(python, root, "--target", str(home / "place"), *options, home=home, trust=False)
        assert name_of(refused) in ("revoked-key", "unknown-key")
    assert name_of(bring_in(python, tmp_path, publish("1.3", "other"), "--into", into, "--allow-gap")) == "done"
    assert host() == "done"
    assert (home / "place" / "alpha-1.3.dist-info").is_dir()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_threshold_and_what_is_revoked_are_remembered_on_a_host(version: str, tmp_path: Path) -> None:
    python, home, root = need(version), tmp_path / "home", tmp_path / "house"
    home.mkdir()
    both, gone = tmp_path / "both", tmp_path / "gone"
    both.write_text(public().read_text() + public("other").read_text())
    gone.write_text(public("other").read_text())

    def host(*options: str) -> str:
        return name_of(install(python, root, "-q", "--target", str(home / "t"), *options, home=home, trust=False))

    house(root, targets=[target(version)], key=key())
    sign(root, [key("other")], add=True)
    assert install(python, root, "--threshold", "0", home=home).returncode == 2
    assert host("--trust", str(both), "--threshold", "2") == "done"
    house(root, targets=[target(version)], alpha="1.1", key=key())
    assert host() == "too-few-signatures"
    assert host("--threshold", "1", "--revoked", str(gone)) == "done"
    house(root, targets=[target(version)], alpha="1.2", key=key("other"))
    assert host() == "revoked-key"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("program", ["install.py", "import.py"])
def test_what_lies_beside_the_program_is_not_run(program: str, version: str, tmp_path: Path) -> None:
    python, home, root = need(version), tmp_path / "home", tmp_path / "house"
    home.mkdir()
    bundle = tmp_path / "b.tar"
    house(root, targets=[target(version)])
    pack(root, bundle, keys=[key()])
    for name in ("argparse", "json", "os", "pip", "venv", "sysconfig", "site", "typing", "base64"):
        (root / f"{name}.py").write_text(f"open({str(tmp_path / 'planted')!r}, 'a').write('{name} ')\nimport missing\n")
    if program == "install.py":
        env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
        command = [python, "install.py", "--venv", str(home / "v"), "--trust", str(public())]
        done = subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, check=False)
    else:
        done = bring_in(python, root, bundle, "--into", tmp_path / "into", "--trust", public(), cwd=root)
    assert not (tmp_path / "planted").exists(), (tmp_path / "planted").read_text()
    assert done.returncode == 0, done.stderr


def hostile_manifests() -> dict[str, bytes]:
    deep = ",".join(
        '{"kind":"other","path":"' + f"{number:05}/" + "a/" * 470 + 'x","sha256":"' + "0" * 64 + '","size":0}'
        for number in range(6500)
    )
    head = '{"channel":"wheelhouse","created":null,"expires":null,"files":['
    tail = '],"format":1,"previous":null,"sequence":1,"targets":[],"tool":"x"}\n'
    return {
        "deep paths": (head + deep + tail).encode(),
        "digits": (head + tail).replace('"sequence":1', '"sequence":' + "9" * 3_000_000).encode(),
        "lists": (head + "[]," * 5_000_000 + tail).encode(),
        "nested": (head + "[" * 5_000_000).encode(),
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_parsed_before_it_is_believed_and_nothing_without_bounds(version: str, tmp_path: Path) -> None:
    python, root = need(version), tmp_path / "house"
    house(root, targets=[target(version)])
    for content in hostile_manifests().values():
        (root / "manifest.json").write_bytes(content)
        done = install(python, root, "--show", home=tmp_path)
        assert (done.returncode, name_of(done)) == (14, "unsigned")
        looked = bring_in(python, tmp_path, "--into", root, "--check")  # nobody's signature is asked for
        assert looked.returncode == 14, looked.stdout + looked.stderr
        assert looked.stdout.startswith(("unsafe-path", "bad-manifest", "manifest-too-big")), looked.stdout[:200]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_nobody_signed_in_a_bundle_is_small(version: str, tmp_path: Path) -> None:
    text = b'{"format":1,"volume":1,"volumes":' + b"9" * 3_000_000 + b"}\n"
    info = tarfile.TarInfo("wheelhouse-1/bundle.json")
    info.size = len(text)
    with tarfile.open(tmp_path / "b.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(text))
        info.name, info.size = "wheelhouse-1/manifest.json", 3
        archive.addfile(info, io.BytesIO(b"{}\n"))
    done = bring_in(need(version), tmp_path, tmp_path / "b.tar", "--check")
    assert (done.returncode, done.stdout.partition(":")[0]) == (14, "bad-bundle"), done.stderr


def test_exit_codes_of_import_py(tmp_path: Path) -> None:
    python, root, into = sys.executable, tmp_path / "house", tmp_path / "into"
    house(root, targets=[target("3.12")])
    bundle = pack(root, tmp_path / "b.tar", keys=[key()]).volumes[0]
    trust = ("--trust", str(public()))
    for options, code in (
        ((bundle, "--into", into, *trust, "--threshold", "0"), 2),
        ((bundle, "--into", into, "--trust", tmp_path / "nowhere"), 2),
        ((bundle, "--into", into, "--trust", public("other")), 14),
        ((bundle, "--check", "--trust", public("other")), 14),
        ((bundle, "--into", into, *trust), 0),
        (("--into", into, "--rollback"), 2),
        (("--into", into, "--check", "--trust", public("other")), 14),
        (("--into", into, "--check"), 0),
    ):
        done = bring_in(python, tmp_path, *options)
        assert done.returncode == code, (options, done.stdout + done.stderr)
    page = into / "current" / "index.html"
    good = tree(into / "current")
    page.write_text("changed")
    assert bring_in(python, tmp_path, "--into", into, "--check").returncode == 7
    assert bring_in(python, tmp_path, "--into", into, bundle).returncode == 7
    assert bring_in(python, tmp_path, "--into", into, "--repair", bundle).returncode == 0
    assert tree(into / "current") == good


def test_uninstall_leaves_the_installation_of_another_python_alone(tmp_path: Path) -> None:
    old, new, home, root = need("3.6"), need("3.13"), tmp_path / "home", tmp_path / "house"
    home.mkdir()
    house(root, targets=[target("3.6"), target("3.13")], key=key())
    for python in (old, new):
        assert name_of(install(python, root, "-q", home=home)) == "done"
    assert name_of(install(new, root, "--uninstall", home=home)) == "done"
    assert [path.parent.parent.name for path in home.rglob("alpha.py")] == ["python3.6"]
    assert name_of(install(new, root, "--uninstall", home=home)) == "not-installed"
    assert name_of(install(old, root, "--uninstall", home=home)) == "done"
    assert contents(home) == []
