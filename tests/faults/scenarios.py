"""What is walked: for each command, the state before it, and what readers see of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.walk import Scenario
from tests.support.bundles import pack
from tests.support.offline_host import install
from tests.support.packages import make_wheel
from tests.support.page_reading import faults as page_faults
from tests.support.pythons import need
from tests.support.shop import contents
from tests.support.signed_wheelhouses import house, key, public, target
from tests.support.trees import tree
from tests.support.yard import TARGET, bundled_pip
from wheelyard.bundle import manifest
from wheelyard.bundle.import_ import TrustOptions, check, import_bundle, policy_of
from wheelyard.bundle.manifest import GENERATION
from wheelyard.bundle.single import import_py, install_py
from wheelyard.host.manifest import MANIFEST, SIGNATURE
from wheelyard.host.policy import read_policy
from wheelyard.index.layout import is_distribution

CREATED = "2026-01-31T00:00:00Z"


def _import_py(folder: Path) -> str:
    program = folder / "import.py"
    program.write_text(import_py())
    return str(program)


def _imported(folder: Path, *, delta: bool) -> None:
    """An import folder with sequence 1, and a bundle of sequence 2 that revokes a key."""
    root = folder / "house"
    (root / "targets").mkdir(parents=True)
    house(root, targets=[target("3.12")], created=CREATED)
    first = pack(root, folder / "1.tar", keys=[key()]).volumes
    import_bundle(first, folder / "into", TrustOptions(trust=public()))
    (root / "revoked_keys").write_text(public("stolen").read_text())
    house(root, targets=[target("3.12")], alpha="1.1", created=CREATED)
    pack(root, folder / "2.tar", keys=[key()], since=folder / "1.tar" if delta else None)


def _published(folder: Path) -> dict[str, str]:
    return tree(folder / "into" / "current")


def _checked(folder: Path) -> list[str]:
    faults, looked = check([folder / "into"])
    return [f"{fault.path}: {fault.message}" for fault in faults] + (
        [] if looked else ["the signature is not looked at"]
    )


def _lessons(folder: Path) -> Mapping[str, object]:
    policy = policy_of(folder / "into")
    seen = {f"sequence of {channel}": each.sequence for channel, each in policy.seen.items()}
    return {**seen, "revoked": frozenset(policy.revoked), "threshold": policy.threshold, "time": policy.time or ""}


def _log(name: str, path: Path) -> str | None:
    """A log has a line for each deed, with its time; it may have been tried several times, and one line be cut off."""
    if name != "into/import.log":
        return None
    deeds = set()
    for line in path.read_text().splitlines():
        with contextlib.suppress(ValueError):
            deed = json.loads(line)
            deeds.add(f"{deed['action'].replace(' again', '')} {deed.get('generation', deed.get('gone'))}")
    return str(sorted(deeds))


def _import(kind: str) -> Scenario:
    return Scenario(
        command=f"import, {kind}",
        program=_import_py,
        arguments=("--into", "{}/into", "{}/2.tar"),
        prepare=lambda folder: _imported(folder, delta=kind == "delta"),
        state=_published,
        unsound=_checked,
        lessons=_lessons,
        listed=_log,
    )


IMPORTS = (_import("full"), _import("delta"))


def _two_generations(folder: Path) -> None:
    _imported(folder, delta=False)
    import_bundle([folder / "2.tar"], folder / "into")


def _current(folder: Path) -> str:
    return str((folder / "into" / "current").readlink())


def _generations(folder: Path) -> list[str]:
    """The generations that can be gone back to, each of them whole."""
    return sorted(path.name for path in (folder / "into" / "generations").glob("0*"))


def _all_checked(folder: Path) -> list[str]:
    found = []
    for name in _generations(folder):
        faults, _ = check([folder / "into" / "generations" / name])
        found += [f"{name}: {fault.path}: {fault.message}" for fault in faults]
    return found


ROLLBACK = Scenario(
    command="rollback (`import.py`)",
    program=_import_py,
    arguments=("--into", "{}/into", "--rollback"),
    prepare=_two_generations,
    state=_current,
    once=True,
    unsound=_checked,
    lessons=_lessons,
    listed=_log,
)

PRUNE_GENERATIONS = Scenario(
    command="prune (`import.py`)",
    program=_import_py,
    arguments=("--into", "{}/into", "--prune", "1"),
    prepare=_two_generations,
    state=_generations,
    unsound=_all_checked,
    lessons=_lessons,
    listed=_log,
)


def _wheelyard(_: Path) -> str:
    return "wheelyard"


def _to_pack(folder: Path) -> None:
    """A wheelhouse that was published twice since it was packed, and is packed over the earlier bundle."""
    root = folder / "house"
    (root / "targets").mkdir(parents=True)
    shutil.copy(key(), folder / "key")
    house(root, targets=[target("3.12")], created=CREATED)
    pack(root, folder / "bundle.tar", keys=[key()])
    for version in ("1.1", "1.2"):
        house(root, targets=[target("3.12")], alpha=version, key=key(), created=CREATED)


def _bundle(folder: Path) -> str:
    return hashlib.sha256((folder / "bundle.tar").read_bytes()).hexdigest()


def _signed(folder: Path) -> list[str]:
    """What is wrong with the wheelhouse and its signature, and with the bundle."""
    options = TrustOptions(trust=public())
    found = [fault for place in ("house", "bundle.tar") for fault in check([folder / place], options)[0]]
    return [f"{fault.path}: {fault.message}" for fault in found]


def _installed(folder: Path, version: str, options: tuple[str, ...]) -> None:
    """A host with an older set installed, and a wheelhouse with the newer one."""
    root = folder / "house"
    (folder / "home").mkdir()
    (folder / "tools").mkdir()
    for name in ("ssh", "ssh-keygen"):
        (folder / "tools" / name).symlink_to(shutil.which(name) or "nowhere")
    for alpha in ("1.0", "1.1"):
        house(root, targets=[target(version)], alpha=alpha, beta=alpha, key=key(), created=CREATED)
        if alpha == "1.0":
            given = [option.format(folder) for option in options]
            done = install(need(version), root, "-q", *given, home=folder / "home")
            assert done.returncode == 0, done.stderr


def _place(folder: Path) -> dict[str, str]:
    """What is installed, but compiled bytecode: that has times in it."""
    found = tree(folder / "home")
    kept = {name: text for name, text in found.items() if not name.startswith((".config", ".local/share/wheelyard"))}
    return {name: "" if name.endswith(".pyc") else text for name, text in kept.items()}


def _host_lessons(folder: Path) -> Mapping[str, object]:
    policy = read_policy(str(folder / "home" / ".config" / "wheelyard" / "wheelhouse"))
    return {"sequence": policy.seen["wheelhouse"].sequence, "signers": policy.signers, "time": policy.time or ""}


def _install_py(folder: Path) -> str:
    program = folder / "install.py"
    program.write_text(install_py())
    return str(program)


def _install(scheme: str, version: str) -> Scenario:
    options = {"user": (), "target": ("--target", "{}/home/place")}[scheme]
    return Scenario(
        command=f"install.py --{scheme}",
        program=_install_py,
        arguments=("--from", "{}/house", "-q", *options),
        prepare=lambda folder: _installed(folder, version, options),
        state=_place,
        looks=("--list",),
        lessons=_host_lessons,
        listed=lambda name, path: "bytecode" if name.endswith(".pyc") else None,
        codes=(11,),
        inputs=(7,),  # a wheel
        dear=True,
        environment={"PATH": "{}/tools"},  # pip starts whatever tells it the name of the system, dozens of programs
    )


def _upstream(folder: Path, *versions: str) -> None:
    """An index in a folder."""
    project = folder / "upstream" / "demo"
    wheels = [make_wheel(project, "demo", version) for version in versions]
    digests = {wheel.name: hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}
    rows = [f'<a href="{name}#sha256={digest}">{name}</a>\n' for name, digest in digests.items()]
    (project / "index.html").write_text("".join(rows))


_MIRROR = ("mirror", "demo", "--into", "{}/mirror", "--index", "file://{}/upstream", "--quiet")
_CONNECTED = {
    "WHEELYARD_CACHE": "{}/cache",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "file://{}/upstream",
    "SOURCE_DATE_EPOCH": "1769817600",
    "WHEELYARD_GRACE": "0.01",  # what leaves is taken out by a second switch, as always; nobody waits for it here
}


def _run_here(folder: Path, arguments: Sequence[str]) -> None:
    environment = {name: value.format(folder) for name, value in _CONNECTED.items()}
    subprocess.run(
        [sys.executable, "-m", "wheelyard", *(argument.format(folder) for argument in arguments)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder / "home"), **environment},
        cwd=folder,
        check=True,
    )


def _mirrored(folder: Path, *versions: str) -> None:
    _upstream(folder, *versions)
    _run_here(folder, _MIRROR)


def _to_mirror(folder: Path) -> None:
    """A mirror, and an index with a version more."""
    _mirrored(folder, "1.0")
    _upstream(folder, "1.0", "2.0")


def _mirror(folder: Path) -> dict[str, str]:
    """What readers of a wheelhouse are told: its pages and locks, and the files that pip's pages name.

    A file that leaves stays for a moment, listed by the manifest alone. The manifest is judged by ``unsound``, and its
    bytes in the end by what a run without a fault leaves.
    """
    root = folder / "mirror"
    shown = "".join(path.read_text() for top in ("simple", "targets") for path in (root / top).rglob("*.html"))
    state = contents(root)
    for path in list(state):
        name = path.rpartition("/")[2].removesuffix(".metadata")
        if path in (MANIFEST, SIGNATURE, GENERATION) or (is_distribution(name) and name not in shown):
            del state[path]
    return state


def _wheelhouse_faults(folder: Path) -> list[str]:
    return [f"{fault.path}: {fault.message}" for fault in check([folder / "mirror"])[0]] + page_faults(
        folder / "mirror"
    )


def _connected(name: str, path: Path) -> str | None:
    """Of the store, only the blobs count; of the workshop beside a wheelhouse, what is there."""
    if name.startswith("cache/"):
        return None if name.startswith("cache/sha256/") else ""
    if ".wheelyard/before" in name or ".wheelyard/replaced" in name:  # earlier generations, for who reads them still
        return ""
    return "record" if name.endswith(".wheelyard/published.json") else None


PACK = Scenario(
    command="pack",
    program=_wheelyard,
    arguments=("pack", "{}/house", "-o", "{}/bundle.tar", "--key", "{}/key", "--created", CREATED, "--quiet"),
    prepare=_to_pack,
    state=_bundle,
    unsound=_signed,
    lessons=lambda folder: {"sequence": manifest.read(folder / "house")[0].sequence},
    codes=(13,),  # ssh-keygen may not tell why it cannot read a key
    listed=_connected,
    environment=_CONNECTED,
)

_BUILD = ("build", "{}/wheelyard.toml", "--into", "{}/mirror", "--no-prove", "--quiet", "--key", "{}/key")


def _to_build(folder: Path) -> None:
    """A wheelhouse that was built and signed, and requirements that ask for a newer version."""
    _upstream(folder, "1.0", "2.0")
    pip = folder / "upstream" / "pip"
    pip.mkdir()
    shutil.copy(bundled_pip(), pip)
    (pip / "index.html").write_text(f'<a href="{bundled_pip().name}">{bundled_pip().name}</a>')
    shutil.copy(key(), folder / "key")
    named = f'[[target]]\nname = "{TARGET}"\npip = "{bundled_pip().name.split("-")[1]}"\n'
    (folder / "wheelyard.toml").write_text(f'requirements = ["requirements.in"]\n{named}')
    (folder / "requirements.in").write_text("demo==1.0\n")
    _run_here(folder, _BUILD)
    (folder / "requirements.in").write_text("demo==2.0\n")


BUILD = Scenario(
    command="build",
    program=_wheelyard,
    arguments=_BUILD,
    prepare=_to_build,
    state=_mirror,
    unsound=lambda folder: [*_wheelhouse_faults(folder), *_signed_here(folder)],
    inputs=(3, 6, 10, 13),  # the configuration, the index, a wheel, the key
    listed=_connected,
    environment=_CONNECTED,
    dear=True,
)


def _signed_here(folder: Path) -> list[str]:
    faults, _ = check([folder / "mirror"], TrustOptions(trust=public()))
    return [f"{fault.path}: {fault.message}" for fault in faults]


MIRROR = Scenario(
    command="mirror",
    program=_wheelyard,
    arguments=_MIRROR,
    prepare=_to_mirror,
    state=_mirror,
    unsound=_wheelhouse_faults,
    listed=_connected,
    environment=_CONNECTED,
)

PRUNE = Scenario(
    command="prune",
    program=_wheelyard,
    arguments=("prune", "{}/mirror", "--newest", "1", "--yes"),
    prepare=lambda folder: _mirrored(folder, "1.0", "2.0"),
    state=_mirror,
    unsound=_wheelhouse_faults,
    listed=_connected,
    environment=_CONNECTED,
)

HOSTS = ("3.6", "3.13")
WALKS: list[tuple[Scenario, str | None]] = [
    *((scenario, version) for scenario in (*IMPORTS, ROLLBACK, PRUNE_GENERATIONS) for version in HOSTS),
    (BUILD, None),
    (PACK, None),
    (MIRROR, None),
    (PRUNE, None),
    (_install("target", "3.6"), "3.6"),
    (_install("user", "3.13"), "3.13"),
]
"""Each scenario, and the Python that it runs on; None: the one of Wheelyard itself."""
