"""How long the index takes: synthetic wheels, from nothing, unchanged, and after one more, beside two peers.

Run it as ``.venv/bin/python bench/index.py [WHEELS] [--in FOLDER] [--no-peers]``. Everything is measured in one run on
one file system. A plain creation of as many files as the site has is measured too: it is the floor that the disk sets.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from wheelyard.domain.site import Entry, Site, Wheel
from wheelyard.index.publish import publish
from wheelyard.store.blobs import Store

VERSIONS = 10
PEERS = ("simple503[incremental]", "dumb-pypi")


def wheels(count: int) -> Iterator[tuple[str, str, str, bytes]]:
    """Yield file name, project, version and bytes of small wheels: ten versions a project."""
    for number in range(count):
        name, version = f"project-{number // VERSIONS:05}", f"1.{number % VERSIONS}"
        stem = f"{name.replace('-', '_')}-{version}"
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.6\n"
        members = {
            f"{stem.partition('-')[0]}.py": f"VERSION = {version!r}\n",
            f"{stem}.dist-info/METADATA": text + "\n" + "A description of some length. " * 40,
            f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\n",
            f"{stem}.dist-info/RECORD": "",
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(zipfile.ZipInfo(member), content)
        yield f"{stem}-py3-none-any.whl", name, version, buffer.getvalue()


def stock(store: Store, folder: Path, count: int) -> list[Entry]:
    """Put wheels into the store, and into a plain folder for the peers."""
    folder.mkdir()
    entries = []
    for filename, name, version, content in wheels(count):
        digest = hashlib.sha256(content).hexdigest()
        blob = store.path(digest)
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        (folder / filename).hardlink_to(blob)
        wheel = Wheel(
            filename=filename, sha256=digest, size=len(content), name=name, version=version, requires_python=">=3.6"
        )
        entries.append(Entry(wheel=wheel, origin="upstream", source="bench"))
    return entries


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def floor(folder: Path, count: int) -> float:
    """Return the seconds that creating ``count`` small files takes, and nothing else."""
    folder.mkdir()

    def create() -> None:
        for number in range(count):
            (folder / str(number)).write_bytes(b"x" * 800)

    return timed(create)


def peers(root: Path, folder: Path, entries: list[Entry]) -> dict[str, float]:
    """Return the seconds that each peer takes, started as a command; Python's own start is taken off."""
    venv.create(root / "venv", with_pip=True)
    python = root / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PEERS], check=True)
    listing = root / "packages.json"
    listing.write_text(
        "".join(
            json.dumps({"filename": e.wheel.filename, "hash": f"sha256={e.wheel.sha256}", "requires_python": ">=3.8"})
            + "\n"
            for e in entries
        )
    )
    shutil.copytree(folder, root / "for-simple503")
    start = timed(lambda: subprocess.run([python, "-c", "pass"], check=True))
    commands: dict[str, list[str | Path]] = {
        "simple503 (HTML + 658)": [python, "-m", "simple503", root / "for-simple503", root / "simple503", "--copy"],
        "dumb-pypi (HTML + JSON)": [
            *(python, "-m", "dumb_pypi.main", "--package-list-json", listing),
            *("--packages-url", "../../files/", "--output-dir", root / "dumb-pypi"),
        ],
    }
    return {
        name: timed(lambda command=command: subprocess.run(command, check=True, capture_output=True)) - start  # type: ignore[misc]
        for name, command in commands.items()
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wheels", type=int, nargs="?", default=10_000)
    parser.add_argument("--in", dest="place", type=Path, default=None, help="folder whose file system is measured")
    parser.add_argument("--no-peers", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.place, prefix="wheelyard-bench-") as name:
        root = Path(name)
        store = Store(root / "store")
        entries = stock(store, root / "plain", arguments.wheels + 1)
        site, more = Site(folders=(), extra=tuple(entries[:-1])), Site(folders=(), extra=tuple(entries))
        into = root / "wheelhouse"
        results = {"wheelyard, from nothing (wheels copied, HTML + 658 + JSON, manifest)": 0.0}
        first = next(iter(results))
        results[first] = timed(lambda: publish(site, store=store, into=into))
        results["wheelyard, nothing changed"] = timed(lambda: publish(site, store=store, into=into))
        results["wheelyard, one more wheel"] = timed(lambda: publish(more, store=store, into=into))
        count = sum(1 for path in into.rglob("*") if path.is_file())
        results[f"creating {count:,} small files, nothing else"] = floor(root / "floor", count)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if not arguments.no_peers:
            results.update(peers(root, root / "plain", entries))
        print(f"{arguments.wheels:,} wheels, Python {sys.version.split()[0]}, peak memory {memory:.0f} MiB\n")
        print("| what | seconds | relative |\n| --- | ---: | ---: |")
        for what, seconds in results.items():
            print(f"| {what} | {seconds:.2f} | {seconds / results[first]:.2f} |")


if __name__ == "__main__":
    main()
