"""The manifest of a publication, without reading the whole site again.

``bundle.manifest`` owns the format and lists any folder. Here the files are known already, so a publication that
changes little only adds them up; whatever is out of the ordinary is left to ``bundle.manifest.update``.
"""

from __future__ import annotations

import contextlib
import json
from typing import NamedTuple

from wheelyard.bundle import manifest
from wheelyard.domain.errors import VerificationError
from wheelyard.domain.site import Folder, Site
from wheelyard.host.manifest import BUNDLE, MANIFEST, SIGNATURE, digest_of, dump_manifest
from wheelyard.index import pages, publish_record
from wheelyard.index.claim import is_owners
from wheelyard.index.existing import Ground
from wheelyard.index.publish_record import Known
from wheelyard.io import files

_UNLISTED = frozenset({MANIFEST, SIGNATURE, BUNDLE})


class _Head(NamedTuple):
    """What a manifest says beside its files; kept in the record, so that a lost manifest can be written again."""

    key: str
    sequence: int
    previous: str | None
    created: str | None
    expires: str | None
    channel: str


def finish(site: Site, ground: Ground, *, changed: bool) -> None:
    """Write the manifest where anything changed, then the record of what is in place now.

    :raises VerificationError: if there is a file that no manifest can list (a symlink, a name with a newline).
    """
    key = _keep_others(site, ground)
    before = ground.record.get(MANIFEST)
    head = _head(before)
    there = before is not None and ground.disk.get(MANIFEST) == before[:3]
    if before is None or head is None or head.key != key or not (there or _lost(ground)):
        _list_anew(site, ground, key, head.channel if head is not None else None)
    elif changed or not there:
        same = _listed(ground.record) == _listed(ground.kept)
        if same and there:
            ground.kept[MANIFEST] = before
        else:
            created = head.created if same else manifest.timestamp()
            head = head if same else _Head(key, head.sequence + 1, before.sha256, created, None, head.channel)
            _write(site, ground, head, again=same)
    else:
        ground.kept[MANIFEST] = before
    if ground.kept != ground.record:
        publish_record.save(ground.into, ground.kept)


def targets_of(folders: tuple[Folder, ...]) -> tuple[manifest.TargetInfo, ...]:
    """Return what a host needs to know to choose its folder."""
    return tuple(
        manifest.TargetInfo(
            folder=folder.name,
            python=folder.target.python,
            implementation=folder.target.implementation,
            platform=folder.target.platform,
            pip=folder.pip.filename if folder.pip else None,
            variant=folder.variant,
            needs=dict(sorted(folder.needs.items())),
            proof=folder.proof.outcome,
            python_archive=folder.python_archive,
        )
        for folder in folders
    )


def _keep_others(site: Site, ground: Ground) -> str:
    """Keep a README and the papers; return the key of all that the manifest says beside what the site has."""
    others = [path for path in _others(ground) if _goes_along(path)]
    texts = []
    for path in sorted(others):
        if (ground.into / path).is_file() and not ground.keep(path, publish_record.OTHER):
            stamp = ground.disk[path]
            ground.kept[path] = publish_record.known(stamp, files.sha256(ground.into / path), publish_record.OTHER)
        texts.append(f"{path}\t{ground.kept[path].sha256 if path in ground.kept else ''}")
    return pages.digest([repr(targets_of(site.folders)), site.channel or "", *texts])


def strangers(ground: Ground) -> list[str]:
    """Return the files that Wheelyard did not put there: they are left alone, neither signed nor packed."""
    return sorted(path for path in _others(ground) if not _goes_along(path))


def _others(ground: Ground) -> list[str]:
    return [path for path in ground.disk if path not in ground.kept and path not in _UNLISTED]


def _goes_along(path: str) -> bool:
    return is_owners(path) or ("/" not in path and manifest.kind_of(path) in ("paper", "installer"))


def _head(known: Known | None) -> _Head | None:
    try:
        return _Head(*json.loads(known.key)) if known is not None else None
    except (ValueError, TypeError):
        return None


def _lost(ground: Ground) -> bool:
    """Whether the manifest is gone or damaged; one that was changed on purpose (signed again, packed) is not."""
    try:
        manifest.read(ground.into)
    except VerificationError:
        return True
    return False


def _listed(found: dict[str, Known]) -> dict[str, str]:
    return {path: known[3] for path, known in found.items() if path != MANIFEST}


def _write(site: Site, ground: Ground, head: _Head, *, again: bool) -> None:
    entries = sorted(
        manifest.FileEntry(path, known[0], known[3], manifest.kind_of(path)) for path, known in ground.kept.items()
    )
    made = manifest.Manifest(
        channel=head.channel,
        sequence=head.sequence,
        created=head.created,
        expires=head.expires,
        previous=head.previous,
        targets=targets_of(site.folders),
        files=tuple(entries),
        tool=manifest.TOOL,
    )
    if again:  # the lost one: a signature of it fits still
        content = dump_manifest(made)
        files.write(ground.into / MANIFEST, content)
        _remember(ground, head, digest_of(content))
    else:
        _remember(ground, head, manifest.write(ground.into, made))


def _list_anew(site: Site, ground: Ground, key: str, channel: str | None) -> None:
    known = {path: known.sha256 for path, known in ground.kept.items()}
    if _lost(ground):
        with contextlib.suppress(FileNotFoundError):
            (ground.into / MANIFEST).unlink()
    else:
        channel = None  # it says so itself
    channel = site.channel or channel
    manifest.update(
        ground.into, targets=targets_of(site.folders), channel=channel, known=known, chosen=known.__contains__
    )
    made, content = manifest.read(ground.into)
    head = _Head(key, made.sequence, made.previous, made.created, made.expires, made.channel)
    _remember(ground, head, digest_of(content))


def _remember(ground: Ground, head: _Head, sha256: str) -> None:
    stamp = publish_record.stamp_of((ground.into / MANIFEST).stat())
    ground.kept[MANIFEST] = publish_record.known(stamp, sha256, json.dumps(head))
