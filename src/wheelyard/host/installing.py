"""Installing into a place without leaving it half-changed, and taking it all away again."""

import json
import os
import shutil
import tempfile
from typing import Any, Dict, List, NamedTuple, Tuple

from wheelyard.host.distinfo import (
    Installed,
    Undo,
    installed_in,
    normal_name,
    recorded_files,
    remove_files,
    wheel_layout,
)
from wheelyard.host.journal import Journal
from wheelyard.host.machine import dotted
from wheelyard.host.manifest import TargetInfo
from wheelyard.host.pipcall import Pip, break_arguments, rehearse, run_pip, wanted
from wheelyard.host.plain import say
from wheelyard.host.records import all_records, forget, record_path
from wheelyard.host.refusal import EXIT_INSTALL, EXIT_STORAGE, EXIT_USAGE, Refused
from wheelyard.host.scheme import (
    STAGED,
    Place,
    move_into_place,
    running_python,
    scheme_paths,
    staging_arguments,
)
from wheelyard.host.smallfiles import put_file, read_json
from wheelyard.host.source import Source

# What to install and how.
Job = NamedTuple(
    "Job",
    [
        ("source", Source),
        ("target", TargetInfo),
        ("wheels", List[str]),
        ("requirements", List[str]),
        ("place", Place),
        ("pip", Pip),
        ("upgrade", bool),
        ("system_packages", bool),
        ("break_system_packages", bool),
        ("quiet", bool),
    ],
)


def _extra_arguments(job: Job, stage: str) -> List[str]:
    arguments = ["--upgrade"] if job.upgrade else []
    arguments += break_arguments(job.pip, job.break_system_packages)
    if job.place.kind in STAGED:
        return arguments + staging_arguments(job.place, stage)
    arguments += ["--user"] if job.place.kind == "user" else []
    return arguments + ([] if job.system_packages or job.place.kind != "user" else ["--ignore-installed"])


def _nearest(path: str) -> str:
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _layouts(job: Job) -> Tuple[List[Tuple[str, str]], int, int]:
    """Return where all files will go, and how large the wheels are, unpacked and packed."""
    layout: List[Tuple[str, str]] = []
    unpacked = packed = 0
    for name in job.wheels:
        if name == job.target.pip:
            continue
        path = os.path.join(job.source.root, "targets", job.target.folder, name)
        files, size = wheel_layout(path)
        layout += files
        unpacked += size
        packed += os.path.getsize(path)
    return layout, unpacked, packed


def check_first(job: Job, ask_pip: bool) -> None:
    """Make sure that the whole set can be installed, before anything changes.

    :param ask_pip: have pip rehearse it. Where pip fills a new folder that is moved into place afterwards, what it says
        then comes early enough.
    :raises Refused: ``no-space``, ``cannot-write``, ``bad-wheel`` or ``not-installable``.
    """
    _, unpacked, packed = _layouts(job)
    here = _nearest(job.place.base)
    if not os.access(here, os.W_OK | os.X_OK):
        raise Refused("cannot-write", "you may not write here", here, "choose --user or --venv DIR", EXIT_STORAGE)
    # A few packages out of many need an unknown part of it: only the whole set is measured.
    free = shutil.disk_usage(here).free
    if not job.requirements and free < unpacked:
        need = "{} MiB are needed, {} MiB are free".format(-(-unpacked >> 20), free >> 20)
        raise Refused("no-space", need, where=here, code=EXIT_STORAGE)
    if not ask_pip:
        return
    with tempfile.TemporaryDirectory(prefix="wheelyard-") as folder:
        extra = _extra_arguments(job, os.path.join(folder, "stage"))
        arguments = wanted(job.source.root, job.target, job.requirements)
        if not rehearse(job.pip, arguments, extra, packed):
            say("not enough room in {} for a rehearsal with pip {}".format(folder, dotted(job.pip.version)))


def _install_failed(place: Place) -> Refused:
    message = "pip failed; everything is as it was before"
    return Refused("install-failed", message, where=place.base, hint="its words are above", code=EXIT_INSTALL)


def _install_staged(job: Job, journal: Journal) -> List[Installed]:
    """Have pip fill a new folder beside the place, and move that into it."""
    folder = str(journal.facts["folder"])
    stage, backup = os.path.join(folder, "stage"), os.path.join(folder, "backup")
    os.mkdir(stage)
    os.mkdir(backup)
    arguments = wanted(job.source.root, job.target, job.requirements)
    if run_pip(job.pip, ["install", *arguments, *_extra_arguments(job, stage)], job.quiet) != 0:
        raise _install_failed(job.place)
    undo = Undo(backup)
    return move_into_place(job.place, stage, undo, lambda: journal.note(undo=undo.facts))


def _install_here(job: Job, journal: Journal) -> List[Installed]:
    """Have pip change the environment itself."""
    sites, scripts, data = scheme_paths(job.place)
    folders = {"purelib": sites, "platlib": sites, "scripts": [scripts], "data": [data], "headers": []}
    before = installed_in(sites)
    names = {normal_name(name.split("-")[0]) for name in job.wheels}
    undo = Undo(str(journal.facts["folder"]))
    for dist in before:
        if dist.name in names:
            for path in recorded_files(dist, job.place.base):
                undo.remember(path)
    for key, below in _layouts(job)[0]:
        for folder in folders[key]:
            undo.remember(os.path.join(folder, *below.split("/")), sites if folder in sites else ())
    journal.note(undo=undo.facts)
    arguments = wanted(job.source.root, job.target, job.requirements)
    if run_pip(job.pip, ["install", *arguments, *_extra_arguments(job, "")], job.quiet) != 0:
        raise _install_failed(job.place)
    known = set(before)
    return [dist for dist in installed_in(sites) if dist not in known]


def _folders_before(place: Place) -> Tuple[List[str], List[str]]:
    """Return the folders of a place that were there before us, and so stay when we go; and those that are not there.

    What we made for another Python (``~/.local/bin``) was not there before us.
    """
    folders = [place.base]
    if place.kind not in STAGED:
        sites, scripts, data = scheme_paths(place)
        folders += [*sites, scripts, data]
    found: Dict[str, bool] = {}
    for folder in folders:
        while folder != os.path.dirname(folder):
            found[folder] = os.path.isdir(folder)
            folder = os.path.dirname(folder)
    ours = {folder for record in all_records() for folder in record.get("made", [])}
    there = {folder for folder, is_there in found.items() if is_there} - ours
    return sorted(there), sorted(set(found) - there)


def install_job(job: Job, journal: Journal) -> List[Installed]:
    """Install, record what came new, and return it. The journal undoes it if it could not be done.

    :raises Refused: if it could not be done.
    """
    existing, absent = _folders_before(job.place)
    path = record_path(job.place.kind, job.place.base, running_python())
    # Named after the place: there is one at most, whatever ends before it is removed.
    folder = os.path.join(_nearest(job.place.base), ".wheelyard-" + os.path.basename(path).rpartition(".")[0])
    journal.note(base=job.place.base, folder=folder, made=absent)
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    new = _install_staged(job, journal) if job.place.kind in STAGED else _install_here(job, journal)
    record = read_json(path) or {}
    infos = {info: True for info in record.get("infos", []) if os.path.isdir(info)}
    infos.update({dist.info: True for dist in new})
    record.update(
        kind=job.place.kind,
        base=job.place.base,
        python=running_python(),
        channel=job.source.manifest.channel,
        sequence=job.source.manifest.sequence,
        folder=job.target.folder,
        infos=sorted(infos),
        keep=record.get("keep", existing),
        made=record.get("made", absent),
        made_venv=record.get("made_venv", bool(journal.facts.get("venv"))),
    )
    journal.note(goal=path if infos else None, record=record)
    return new


def recorded_distributions(record: Dict[str, Any]) -> List[Installed]:
    """Return what is still there of a recorded installation."""
    infos = set(record.get("infos", []))
    sites = {os.path.dirname(info) for info in infos}
    return [dist for dist in installed_in(sites) if dist.info in infos]


def uninstall(record: Dict[str, Any], names: List[str]) -> List[Installed]:
    """Take away what was installed (or only some packages of it) and return what went.

    :raises Refused: ``not-installed`` if a name is not ours to take away.
    """
    base = str(record["base"])
    path = record_path(str(record["kind"]), base, str(record["python"]))
    there = recorded_distributions(record)
    chosen = {normal_name(name) for name in names}
    unknown = chosen - {dist.name for dist in there}
    if unknown:
        message = "not installed by install.py: {}".format(", ".join(sorted(unknown)))
        raise Refused("not-installed", message, where=base, code=EXIT_USAGE)
    gone = [dist for dist in there if not chosen or dist.name in chosen]
    for dist in gone:
        remove_files(recorded_files(dist, base), base, record.get("keep", []))
    left = sorted(dist.info for dist in there if dist not in gone)
    if left:
        put_file(path, json.dumps(dict(record, infos=left), indent=1, sort_keys=True) + "\n")
        return gone
    if record.get("made_venv") and _only_basics(base):
        shutil.rmtree(base, ignore_errors=True)
    elif os.path.isdir(base) and base not in record.get("keep", []) and not os.listdir(base):
        os.rmdir(base)
    forget(path)
    return gone


def _only_basics(venv: str) -> bool:
    """Whether a virtual environment holds nothing but what it was born with."""
    sites, _, _ = scheme_paths(Place(kind="venv", base=venv, python=os.path.join(venv, "bin", "python")))
    return {dist.name for dist in installed_in(sites)} <= {"pip", "setuptools", "wheel"}
