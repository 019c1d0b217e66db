"""The hint of a failed build: what to install, or to write into ``wheelyard.toml``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name

from wheelyard.build.advice import packages
from wheelyard.build.advice.packages import Manager
from wheelyard.build.advice.read_log import Asked, Missing, missing, network
from wheelyard.domain.command import Command, Limits
from wheelyard.sandbox.container.sandbox import ContainerSandbox
from wheelyard.sandbox.paths import SYSTEM_PATH
from wheelyard.sandbox.workspace import Workspace

_WHICH = """\
for name in apt-get dnf yum microdnf apk; do command -v $name >/dev/null && { echo "manager=$name"; break; }; done
. /etc/os-release; echo "release=$VERSION_CODENAME"
"""
_MANAGERS: dict[str, Manager] = {"apt-get": "apt-get", "dnf": "dnf", "yum": "dnf", "microdnf": "dnf", "apk": "apk"}
_KINDS = {"h": "", "x": "the program ", "p": "the pkg-config file ", "c": "the CMake package ", "l": "the library "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where a build ran."""

    manager: Manager | None
    command: str
    """As the manager is called: ``yum``."""
    release: str
    """Code name of the distribution's release, where it has one."""
    is_image: bool


def advise(output: str, place: Workspace) -> str | None:
    """Return what to do about a build that failed, by what it said; None where that is not known."""
    if (asked := network(output)) is not None:
        return _network(asked, place.package)
    name = place.package.partition(" ")[0]
    for saying in packages.names().said:
        if re.search(saying.pattern, output):
            return saying.why or _build_requires(name, [saying.requires], "its build is made for older or other tools")
    things = [thing for thing in missing(output) if canonicalize_name(thing.name) != name]
    modules = [thing for thing in things if thing.kind in ("module", "requirement")]
    if modules:
        return _modules(name, modules)
    if not things:
        return None
    return _packages(name, things, _ground(place))


def _network(asked: Asked, package: str) -> str:
    host = f" ({asked.host})" if asked.host else ""
    if asked.crates:
        what = (
            "its crates are brought before only where its sdist has a Cargo.lock that names them: "
            "take another version, or a wheel"
        )
    else:
        what = (
            "what it downloads must be there before: a library of the distribution instead of its own copy "
            "(image-packages, and config-settings or environment as the package documents), a patch, or take a wheel"
        )
    return (
        f"its build asked for the network{host}, which is cut in the sandbox: what it fetches there has no hash in the "
        f"lock, and no other build of {package or 'it'} would be the same; {what}"
    )


def _modules(name: str, things: Iterable[Missing]) -> str:
    known = packages.names()
    modules = [thing.name for thing in things if thing.kind == "module"]
    old = [module for module in modules if module.partition(".")[0] in known.gone]
    if old:
        return (
            f"Python has no module {old[0]} any more: take a newer version of {name}, or an older Python for the target"
        )
    requirements = [thing.name if thing.kind == "requirement" else _bringing(thing.name) for thing in things]
    return _build_requires(name, requirements, "its [build-system] requires does not say all that it needs")


def _bringing(module: str) -> str:
    known = packages.names().modules
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        if (requirement := known.get(".".join(parts[:end]))) is not None:
            return requirement
    return canonicalize_name(parts[0])


def _build_requires(name: str, requirements: Iterable[str], why: str) -> str:
    return f"{why}; write into wheelyard.toml:\n{_table(name, 'build-requires', requirements)}"


def _table(name: str, key: str, values: Iterable[str]) -> str:
    listed = ", ".join(f'"{value}"' for value in dict.fromkeys(values))
    return f"    [packages.{name}]\n    {key} = [{listed}]"


def _packages(name: str, things: Iterable[Missing], ground: Ground) -> str:
    manager = ground.manager or "apt-get"
    chosen: dict[Missing, str | None] = {
        thing: packages.package_for(thing, manager, ground.release) for thing in things
    }
    # What one package has is named once.
    told = {package or thing.name: f"{_KINDS[thing.kind]}{thing.name}" for thing, package in reversed(chosen.items())}
    names = ", ".join(reversed(told.values()))
    known = [package for package in chosen.values() if package is not None]
    if not known or ground.manager is None:
        return f"{names}: not there; {_elsewhere(things)}"
    unknown = [thing for thing, package in chosen.items() if package is None]
    rest = f"; {_elsewhere(unknown)}" if unknown else ""
    if ground.is_image:
        return f"{names}: not in the image{rest}; write into wheelyard.toml:\n{_table(name, 'image-packages', known)}"
    fedora = [package for thing in things if (package := packages.package_for(thing, "dnf")) is not None]
    return (
        f"{names}: not on this machine{rest}; as root: {ground.command} install {' '.join(dict.fromkeys(known))}\n"
        "  or for a target that is built in an image of Fedora or RHEL, in wheelyard.toml:\n"
        f"{_table(name, 'image-packages', fedora)}"
    )


def _elsewhere(things: Iterable[Missing]) -> str:
    """Say what is known of things without a name here: Debian's package, or what to look for."""
    sentences = []
    for thing in things:
        apt = packages.debian(thing)
        of_debian = f"Debian's {apt}, or " if apt else ""
        sentences.append(f"install {of_debian}the package of your distribution that has {thing.name}")
    return "; ".join(sentences)


def _ground(place: Workspace) -> Ground:
    """Ask the place of the build which package manager it has."""
    done = place.sandbox.run(
        Command(
            argv=("/bin/sh", "-c", _WHICH),
            cwd=place.root,
            env={"PATH": SYSTEM_PATH, "LC_ALL": "C"},
            writable=(place.root,),
            limits=replace(Limits(), seconds=60),
        )
    )
    facts = dict(line.split("=", 1) for line in done.output.splitlines() if "=" in line)
    command = facts.get("manager", "")
    return Ground(
        manager=_MANAGERS.get(command),
        command=command,
        release=facts.get("release", ""),
        is_image=isinstance(place.sandbox, ContainerSandbox),
    )
