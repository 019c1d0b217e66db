"""Packing a wheelhouse for the way across."""

from __future__ import annotations

import contextlib
import datetime
import re
import time
from collections.abc import Sequence
from pathlib import Path

from wheelyard.bundle import manifest as manifests
from wheelyard.bundle import pack as bundles
from wheelyard.bundle import single
from wheelyard.bundle.given import need_side, need_wheelhouse
from wheelyard.bundle.pack import Packed
from wheelyard.bundle.sign import sign
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.events import Reporter, silent
from wheelyard.index.publishers.folder import changed, held
from wheelyard.policy.model import AdmissionPolicy
from wheelyard.stages import judging
from wheelyard.stages.carrying import carry
from wheelyard.store.blobs import Store

_DAYS = re.compile(r"(\d+)\s*(d|days?|w|weeks?)\Z")


def moment_of(text: str, created: str | None) -> str:
    """Return a point in time as the manifest has it: a date, or ``90d`` after ``created`` (else after now).

    :raises ConfigError: if it is neither.
    """
    if match := _DAYS.match(text.strip()):
        days = int(match.group(1)) * (7 if match.group(2).startswith("w") else 1)
        start = time.time() if created is None else datetime.datetime.fromisoformat(created).timestamp()
        return manifests.timestamp(int(start) + 86400 * days) or ""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"not a date: {text}", hint="write it as 2027-01-31 or 90d") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return manifests.timestamp(int(moment.timestamp())) or ""


def pack(
    wheelhouse: Path,
    to: Path | None = None,
    *,
    keys: Sequence[Path] = (),
    since: Path | None = None,
    targets: Sequence[str] = (),
    volume_size: int | None = None,
    created: str | None = None,
    expires: str | None = None,
    policy: AdmissionPolicy | None = None,
    sources_of: Path | None = None,
    itself: bool = False,
    store: Store | None = None,
    report: Reporter = silent,
) -> Packed:
    """Pack a wheelhouse into one file, or volumes; the same wheelhouse gives the same bytes every time.

    :param to: the file to write, or the folder to write it to; None: ``CHANNEL-SEQUENCE.tar`` in the working folder.
    :param keys: SSH keys to sign with; none: the signature that is there is carried along.
    :param since: a bundle, wheelhouse or manifest that the other side has: a delta is packed.
    :param targets: only these folders; none: all.
    :param volume_size: bytes.
    :param created: the time in the manifest, as ``2027-01-31``; None: now.
    :param expires: a date, or ``90d`` after ``created``.
    :param policy: what all that is packed has to pass.
    :param sources_of: the configuration that the wheelhouse was built from: what is needed to build it is carried too.
    :param itself: carry Wheelyard itself too.
    :param store: where what is carried is kept; None: the user's own.
    :raises PolicyError: if something does not.
    :raises ConfigError: if there is no wheelhouse, or an argument does not fit it.
    :raises HashMismatchError: if a file is not what the manifest says; nothing is written then.
    """
    need_wheelhouse(wheelhouse)
    if since:
        need_side(since)
    if sources_of is not None or itself:
        carry(wheelhouse, sources_of=sources_of, itself=itself, keys=keys, store=store, report=report)
    with held(wheelhouse) as generations:
        with contextlib.ExitStack() as bundle, changed(generations, report=report) as root:
            # Nobody sees the wheelhouse before it is whole and signed, nor a bundle before its wheelhouse: a kill
            # between the two would give one sequence out twice.
            if policy is not None:
                judging.accept(root, policy, report=report)
            single.put(root)
            found, _ = manifests.read(root)
            made = moment_of(created, None) if created else manifests.timestamp() or found.created
            made = made or manifests.timestamp(int(time.time()))  # a host whose clock was set back must be able to tell
            until = moment_of(expires, made) if expires else found.expires
            if keys or expires or created or not (root / manifests.SIGNATURE).is_file():  # what is signed stays so
                manifests.restamp(root, created=made, expires=until)
            found = bundles.follow(root, keys=keys, since=since, targets=targets)
            if keys and not targets:
                sign(root, keys)
            name = f"{found.channel}-{found.sequence}{'-delta' if since else ''}.tar"
            output = Path(name) if to is None else to / name if to.is_dir() else to
            packed = bundle.enter_context(
                bundles.written(
                    root, output, keys=keys, since=since, targets=targets, volume_size=volume_size, report=report
                )
            )
        generations.note(manifests.RELEASED, manifests.release_note(generations.live))
    return packed
