"""Pack, check, delta and install, against the plain tools that would do the same.

python bench/bundle.py pack --size 2000          pack, check, import against tar, sha256sum and cp on so many MB
python bench/bundle.py delta --before DATE --after DATE     a delta of real updates, against the full bundle
python bench/bundle.py install WHEELHOUSE        install.py against pip install of the same folder
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.bundles import pack

from wheelyard.bundle import manifest
from wheelyard.bundle.diff import difference
from wheelyard.bundle.import_ import TrustOptions, check, import_bundle
from wheelyard.bundle.manifest import TargetInfo
from wheelyard.bundle.single import install_py

UNSIGNED = TrustOptions(allowed=frozenset({"unsigned"}))


def timed(what: Callable[[], object], runs: int = 3) -> float:
    """Return the median of some runs in seconds."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        what()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def shell(command: str, cwd: Path) -> Callable[[], object]:
    return lambda: subprocess.run(["bash", "-c", command], cwd=cwd, check=True, capture_output=True)


def target(python: str) -> TargetInfo:
    return TargetInfo(
        folder="host",
        python=python,
        implementation="cpython",
        platform="manylinux_2_17_x86_64",
        pip=None,
        variant=None,
        needs={},
        proof="not run",
        python_archive=None,
    )


def bench_pack(folder: Path, megabytes: int) -> None:
    """2 GB as a wheelhouse has it: some large wheels, many small ones, pages."""
    root = folder / "house"
    (root / "files").mkdir(parents=True)
    sizes = [300] * 4 + [25] * ((megabytes - 1200 - 100 > 0 and (megabytes - 1300) // 25) or 1) + [1] * 100
    for number, size in enumerate(sizes):
        (root / "files" / f"w{number}-1-py3-none-any.whl").write_bytes(os.urandom(size << 20))
    for number in range(200):
        place = root / "simple" / f"p{number}"
        place.mkdir(parents=True)
        (place / "index.html").write_text(f"<a>{number}</a>" * 50)
    total = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    manifest.update(root)
    rows = {
        "sha256sum of every file": timed(shell("find house -type f -print0 | xargs -0 sha256sum >/dev/null", folder)),
        "tar -cf, synced": timed(shell("tar -cf t.tar house && sync t.tar && rm t.tar", folder)),
        "tar -cf and sha256sum of its files": timed(
            shell(
                "tar -cf t.tar house && sync t.tar && find house -type f -print0 | xargs -0 sha256sum >/dev/null"
                " && rm t.tar",
                folder,
            )
        ),
        "wheelyard pack": timed(lambda: pack(root, folder / "b.tar")),
        "wheelyard check DIR": timed(lambda: check([root])),
        "wheelyard check BUNDLE": timed(lambda: check([folder / "b.tar"])),
    }
    start = time.perf_counter()
    import_bundle([folder / "b.tar"], folder / "into", UNSIGNED)
    rows["wheelyard import"] = time.perf_counter() - start
    once = rows["sha256sum of every file"]
    print(f"{total / 1e9:.2f} GB in {len(sizes) + 201} files; median of 3")
    for name, seconds in rows.items():
        print(f"{name:38} {seconds:7.2f} s  {seconds / once:5.2f} × reading and hashing once")


def resolved(folder: Path, requirements: Path, python: str, date: str) -> Path:
    """Download the wheels that a date would have given, once."""
    pins, wheels = folder / f"{date}.txt", folder / f"wheels-{date}"
    command = ["uv", "pip", "compile", "--quiet", str(requirements), "--python-version", python, "-o", str(pins)]
    subprocess.run([*command, "--only-binary", ":all:", "--exclude-newer", date, "--no-header"], check=True)
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", str(wheels)]
    command += ["--python-version", python, "-r", str(pins)]
    for tag in ("manylinux_2_34_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"):
        command += ["--platform", tag]
    subprocess.run(command, check=True)
    return wheels


def publish(root: Path, wheels: Path, python: str) -> None:
    """A minimal site of some wheels: pool, target folder, a page each."""
    for old in ("files", "targets", "simple"):
        shutil.rmtree(root / old, ignore_errors=True)
    place = root / "targets" / "host"
    place.mkdir(parents=True)
    (root / "files").mkdir()
    rows = []
    for wheel in sorted(wheels.glob("*.whl")):
        shutil.copy(wheel, root / "files")
        os.link(root / "files" / wheel.name, place / wheel.name)
        name, version = wheel.name.split("-")[:2]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        rows.append(f"{name}=={version} --hash=sha256:{digest}\n")
        page = root / "simple" / name.lower() / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(f'<a href="../../files/{wheel.name}#sha256={digest}">{wheel.name}</a>\n')
    (place / "requirements.txt").write_text("".join(rows))
    (root / "install.py").write_text(install_py())
    manifest.update(root, targets=[target(python)])


def bench_delta(folder: Path, requirements: Path, python: str, before: str, after: str) -> None:
    root = folder / "house"
    root.mkdir()
    publish(root, resolved(folder, requirements, python, before), python)
    pack(root, folder / "before.tar")
    first, _ = manifest.read(root)
    publish(root, resolved(folder, requirements, python, after), python)
    second, _ = manifest.read(root)
    full = pack(root, folder / "full.tar")
    delta = pack(root, folder / "delta.tar", since=folder / "before.tar")
    plain = {entry.path: entry for entry in first.files}
    listed = sum(e.size for e in second.files if plain.get(e.path) is None or plain[e.path].sha256 != e.sha256)
    changes = difference(first, second)
    start = time.perf_counter()
    import_bundle([folder / "before.tar"], folder / "into", UNSIGNED)
    import_bundle([folder / "delta.tar"], folder / "into", UNSIGNED)
    taken = time.perf_counter() - start
    kinds = [change.change for change in changes.packages]
    print(f"{requirements.name}, Python {python}, from {before} to {after}:")
    print(
        f"  {len(list((root / 'files').iterdir()))} wheels; " + ", ".join(f"{kinds.count(k)} {k}" for k in set(kinds))
    )
    for name, size in (
        ("full bundle", full.bytes),
        ("plain list of changed files", listed),
        ("delta", delta.bytes),
    ):
        print(f"  {name:30} {size / 1e6:8.1f} MB  {size / full.bytes:6.1%} of the full bundle")
    print(f"  imports of both: {taken:.2f} s")


def bench_install(folder: Path, wheelhouse: Path, python: str) -> None:
    found, _ = manifest.read(wheelhouse)
    asked = subprocess.run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], stdout=subprocess.PIPE)
    version = asked.stdout.decode().strip()
    name = next(each.folder for each in found.targets if each.python == version and each.variant is None)
    place = wheelhouse / "targets" / name
    home = folder / "home"
    env = {**os.environ, "HOME": str(home)}

    def fresh(*command: str) -> Callable[[], object]:
        def run() -> None:
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            subprocess.run([python, *command], env=env, check=True, capture_output=True)

        return run

    options = ["--no-index", "--require-hashes", "-f", str(place), "-r", str(place / "requirements.txt")]
    rows = {
        "pip install --target": timed(
            fresh("-m", "pip", "install", "--no-cache-dir", "--target", str(folder / "home/t"), *options)
        ),
        "install.py --target": timed(
            fresh(str(wheelhouse / "install.py"), "--allow-unsigned", "--target", str(folder / "home/t"))
        ),
    }
    packages = len(list(place.glob("*.whl")))
    print(f"{packages} wheels, {sum(w.stat().st_size for w in place.glob('*.whl')) / 1e6:.0f} MB; median of 3")
    for name, seconds in rows.items():
        print(f"{name:24} {seconds:7.2f} s  {seconds / rows['pip install --target']:5.2f} ×")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    one = commands.add_parser("pack")
    one.add_argument("--size", type=int, default=2000, help="MB")
    two = commands.add_parser("delta")
    two.add_argument("--requirements", type=Path, default=Path("requirements/scientific.in"))
    two.add_argument("--python", default="3.11")
    two.add_argument("--before", required=True)
    two.add_argument("--after", required=True)
    two.add_argument("--keep", type=Path, help="keep the wheelhouse there")
    three = commands.add_parser("install")
    three.add_argument("wheelhouse", type=Path)
    three.add_argument("--python", default=getattr(sys, "_base_executable", sys.executable), help="the host's")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wheelyard-bench-") as name:
        folder = Path(name)
        if options.what == "pack":
            bench_pack(folder, options.size)
        elif options.what == "delta":
            bench_delta(folder, options.requirements, options.python, options.before, options.after)
            if options.keep:
                shutil.copytree(folder / "house", options.keep)
        else:
            bench_install(folder, options.wheelhouse, options.python)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True) if hasattr(sys.stdout, "reconfigure") else None
    main()
