"""Small crafted wheelhouses, laid out as a published one, with keys to sign them."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.packages import make_wheel
from wheelyard.bundle import manifest
from wheelyard.bundle.manifest import Manifest, TargetInfo
from wheelyard.bundle.sign import sign
from wheelyard.bundle.single import import_py, install_py

MACHINE = platform.machine()
ALPHA = {
    "alpha.py": "import beta\n\n\ndef main():\n    print('alpha with beta', beta.VERSION)\n",
    "alpha-{v}.data/data/share/alpha/readme.txt": "hello\n",
    "alpha-{v}.data/scripts/alpha-script": "#!python\nprint('script')\n",
    "alpha-{v}.dist-info/entry_points.txt": "[console_scripts]\nalpha = alpha:main\n",
    "alpha_data/big.bin": "x" * 50_000,
}


def target(
    python: str, *, variant: str | None = None, needs: dict[str, str] | None = None, pip: str | None = None
) -> TargetInfo:
    name = "py" + python.replace(".", "")
    return TargetInfo(
        folder=f"{name}.{variant}" if variant else name,
        python=python,
        implementation="cpython",
        platform=f"manylinux_2_17_{MACHINE}",
        pip=pip,
        variant=variant,
        needs=needs or {},
        proof="proven",
        python_archive=None,
    )


def wheels(folder: Path, alpha: str = "1.0", beta: str = "1.0") -> list[Path]:
    members = {name.format(v=alpha): content for name, content in ALPHA.items()}
    return [
        make_wheel(folder, "alpha", alpha, requires=["beta>=1"], files=members),
        make_wheel(folder, "beta", beta),
    ]


def lock(found: Sequence[Path]) -> str:
    rows = []
    for wheel in sorted(found):
        name, version = wheel.name.split("-")[:2]
        rows.append(f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return "".join(rows)


def house(
    root: Path,
    *,
    targets: Sequence[TargetInfo] = (),
    alpha: str = "1.0",
    beta: str = "1.0",
    extra: Sequence[Path] = (),
    key: Path | None = None,
    expires: str | None = None,
    created: str | None = None,
    channel: str = "wheelhouse",
    bulk: int = 0,
) -> Manifest:
    """Publish (again) a wheelhouse at ``root``: new versions replace old ones."""
    targets = targets or [target("3.6"), target("3.12")]
    for old in [*root.glob("files/*"), *root.glob("targets/*/*")]:
        if old.is_file():
            old.unlink()
    pool = root / "files"
    found = wheels(pool, alpha, beta)
    for wheel in found:
        (pool / f"{wheel.name}.metadata").write_text(f"Name: {wheel.name}\n")
    if bulk:  # ballast: so that a small update is small beside it
        found.append(make_wheel(pool, "ballast", "1.0", files={"ballast.bin": os.urandom(0) + _noise(bulk)}))
    for each in targets:
        folder = root / "targets" / each.folder
        folder.mkdir(parents=True, exist_ok=True)
        for wheel in found:
            os.link(wheel, folder / wheel.name)
        for other in extra:
            (folder / other.name).write_bytes(other.read_bytes())
        (folder / "requirements.txt").write_text(lock(found))
        (folder / "index.html").write_text("".join(f'<a href="{w.name}">{w.name}</a>\n' for w in found))
    (root / "simple" / "alpha").mkdir(parents=True, exist_ok=True)
    (root / "simple" / "alpha" / "index.html").write_text(f'<a href="../../files/{found[0].name}">alpha</a>\n')
    (root / "index.html").write_text("<html>wheels</html>\n")
    (root / "install.py").write_text(install_py())
    made = manifest.update(root, targets=targets, created=created, expires=expires, channel=channel)
    if key is not None:
        sign(root, [key])
    return made


def _noise(size: int) -> bytes:
    blocks = (hashlib.sha256(str(number).encode()).digest() for number in range(size // 32))
    return b"".join(blocks)


def key(name: str = "admin") -> Path:
    """Return a private Ed25519 key, made once a process; ``.pub`` lies beside it."""
    return _key(name)


@functools.cache
def _key(name: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="wheelyard-test-keys-"))
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(command, check=True)
    return path


def public(name: str = "admin") -> Path:
    return key(name).with_suffix(".pub")


def published(root: Path) -> Path:
    (root).mkdir(parents=True, exist_ok=True)
    (root / "import.py").write_text(import_py())
    house(root)
    return root
