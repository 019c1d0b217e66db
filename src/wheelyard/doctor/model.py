"""What was found, as values; and the one command that installs the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["ok", "partial", "missing"]
Family: TypeAlias = Literal["debian", "fedora", "rhel"]

FAMILIES: tuple[Family, ...] = ("debian", "fedora", "rhel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked for."""

    name: str
    status: Status
    """``partial``: it is there, but not (or not wholly) fit for use."""
    purpose: str
    """What it is needed for; a person who needs none of that needs not install it."""
    detail: str
    """What was found, or why it does not work, in the tool's own words where it said something."""
    packages: Mapping[Family, tuple[str, ...]] = field(default_factory=dict)
    """What to install, by family of distributions; empty where nothing is missing or no package helps."""
    advice: str = ""
    """What to do beyond installing packages."""


def by_family(debian: str, fedora: str, rhel: str) -> dict[Family, tuple[str, ...]]:
    """Return package names by family, each given as words."""
    return {"debian": tuple(debian.split()), "fedora": tuple(fedora.split()), "rhel": tuple(rhel.split())}


def family() -> Family | None:
    """Return the family of distributions that this machine is of (os-release(5)), None where it is another."""
    try:
        text = Path("/etc/os-release").read_text("utf-8", "replace")
    except OSError:
        return None
    facts = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    words = [word for key in ("ID", "ID_LIKE") for word in facts.get(key, "").strip("\"' ").split()]
    for word in words:
        if word in ("debian", "ubuntu"):
            return "debian"
        if word in ("rhel", "centos", "rocky", "almalinux", "ol"):
            return "rhel"
        if word == "fedora":
            return "fedora"
    return None


def install_command(findings: Iterable[Finding], distribution: Family) -> str | None:
    """Return the one command that installs what is missing, None where no package is."""
    wanted = dict.fromkeys(
        package for finding in findings if finding.status != "ok" for package in finding.packages.get(distribution, ())
    )
    if not wanted:
        return None
    tool = "apt install" if distribution == "debian" else "dnf install"
    return f"sudo {tool} {' '.join(wanted)}"
