"""What earlier builds came to, kept in the store under their keys."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from wheelyard.domain.build import BuiltWheel
from wheelyard.io import files
from wheelyard.store.blobs import Store


def load(store: Store, key: str) -> BuiltWheel | None:
    """Return the wheel of an earlier build of this key, None where there is none or its bytes are gone."""
    try:
        said = json.loads(_path(store, key).read_bytes())
        built = BuiltWheel(
            **{**said, "grafted": tuple(said["grafted"]), "prefetched": tuple(said.get("prefetched", ()))}
        )
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None
    return built if built.key == key and store.has(built.sha256) else None


def save(store: Store, built: BuiltWheel, name: str) -> None:
    """Keep the outcome of a build, and how long the package of this name took."""
    files.write(_path(store, built.key), json.dumps(asdict(built), indent=1, sort_keys=True) + "\n")
    files.write(_seconds(store, name), f"{built.seconds:.3f}\n")


def seconds(store: Store, name: str) -> float | None:
    """Return how long the last build of a package took, whatever its version."""
    try:
        return float(_seconds(store, name).read_text())
    except (FileNotFoundError, ValueError):
        return None


def log_of(store: Store, name: str, version: str, key: str) -> Path:
    """Return where the log of a build is written."""
    return store.area("logs") / f"{name}-{version}-{key[:12]}.log"


def find_log(store: Store, key: str) -> Path | None:
    """Return the log of the build with this key, None where it was not built with this store."""
    found = sorted(store.area("logs").glob(f"*-{key[:12]}.log"))
    return next((path for path in found if not path.name.endswith(f"-ask-{key[:12]}.log")), None)


def _path(store: Store, key: str) -> Path:
    return store.area("builds") / f"{key}.json"


def _seconds(store: Store, name: str) -> Path:
    return store.area("builds") / "seconds" / name
