"""Write ``scenarios.json`` from the scenarios that packse's sdist brings.

``python make.py packse-0.3.59.tar.gz``: those that ask for one environment; a universal answer is no question of ours.
The scenarios are packse's (Astral Software Inc., MIT or Apache-2.0: ``LICENSE-MIT``); descriptions are left out.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def scenario(data: dict[str, Any]) -> dict[str, Any]:
    """Return what of a scenario decides."""
    return {
        "name": data["name"],
        "requires": data["root"].get("requires", []),
        "python": data.get("environment", {}).get("python", "3.12"),
        "options": data.get("resolver_options", {}),
        "packages": {name: package["versions"] for name, package in data["packages"].items()},
        "expected": data["expected"].get("packages", {}) if data["expected"]["satisfiable"] else None,
    }


def main(sdist: str) -> None:
    """Write the scenarios, one a line, in order of name."""
    found = []
    with tarfile.open(sdist) as archive:
        for member in archive:
            parts = member.name.split("/")
            if parts[1] == "LICENSE-MIT":
                (HERE / "LICENSE-MIT").write_bytes(archive.extractfile(member).read())
            if parts[1] == "scenarios" and parts[2] != "examples" and member.name.endswith(".toml"):
                data = tomllib.loads(archive.extractfile(member).read().decode())
                if not data.get("resolver_options", {}).get("universal"):
                    found.append(scenario(data))
    lines = (json.dumps(each, separators=(", ", ":")) for each in sorted(found, key=lambda each: each["name"]))
    (HERE / "scenarios.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
