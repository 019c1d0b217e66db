"""Signing a manifest with ``ssh-keygen -Y sign``: an existing SSH key, one in an agent, or a hardware key."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from wheelyard.bundle.manifest import naming_errors
from wheelyard.domain.errors import ConfigError, ToolError
from wheelyard.host.manifest import MANIFEST, SIGNATURE
from wheelyard.host.refusal import Refused
from wheelyard.host.sshsig import NAMESPACE, Signer, fingerprint, parse_signature, split_signatures, verify_one
from wheelyard.io import files, process
from wheelyard.io.temporary import temporary_folder

__all__ = ["NAMESPACE", "check_keys", "fingerprint_of", "sign", "sign_bytes", "signers_of"]

_PATIENCE = 300.0  # seconds: a person may have to find and touch the hardware key


def _need_ssh_keygen() -> None:
    if shutil.which("ssh-keygen") is None:
        raise ToolError("ssh-keygen is not installed", hint="install OpenSSH 8.1 or newer to sign")


def sign_bytes(content: bytes, key: Path) -> str:
    """Return the armored signature over bytes.

    :param key: a private key, or a public key whose private half an SSH agent holds.
    :raises ToolError: if ssh-keygen is missing, or does not sign.
    """
    _need_ssh_keygen()
    with temporary_folder("sign") as folder:
        message = folder / "message"
        message.write_bytes(content)
        command = ("ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", str(key), str(message))
        done = process.run(command, merge=True, timeout=_PATIENCE)
        made = folder / "message.sig"
        if done.returncode != 0 or not made.is_file():
            raise ToolError(
                f"ssh-keygen does not sign: {done.output.strip().splitlines()[-1:] or ['no word why']}",
                where=str(key),
                hint="is it a private key, or a public one that an agent knows?",
            )
        return made.read_text()


def fingerprint_of(key: Path) -> str:
    """Return the fingerprint of a key, of its public half: nobody is asked for a password or a touch.

    :raises ConfigError: if it is not there.
    :raises ToolError: if ssh-keygen is missing, or it is no key.
    """
    _need_ssh_keygen()
    if not key.is_file():
        raise ConfigError(
            "there is no such key", where=str(key), hint="name a private key, or the `.pub` of an agent's"
        )
    done = process.run(("ssh-keygen", "-l", "-f", str(key)), merge=True, timeout=_PATIENCE)
    match = re.search(r"SHA256:[A-Za-z0-9+/]{43}", done.output)
    if done.returncode != 0 or match is None:
        raise ToolError("this is no SSH key", where=str(key), hint="name a private key, or a public one of an agent's")
    return match.group()


def check_keys(keys: Sequence[Path]) -> tuple[Path, ...]:
    """Return keys once each of them is known to be one, before any work is done that they are to sign.

    :raises ConfigError: if one is not there.
    :raises ToolError: if ssh-keygen is missing, or one is no key.
    """
    for key in keys:
        fingerprint_of(key)
    return tuple(keys)


def signers_of(content: bytes, armored: str) -> frozenset[str]:
    """Return the fingerprints of the keys that signed these bytes, whosever they are; damaged signatures are none."""
    signers = set()
    try:
        for signature in split_signatures(armored):
            with contextlib.suppress(Refused):
                signer = Signer("*", parse_signature(signature).key, None, None, None)
                verify_one(content, signature, [signer], (), int(time.time()), NAMESPACE)
                signers.add(fingerprint(signer.key))
    except Refused:
        pass
    return frozenset(signers)


def sign(root: Path, keys: Sequence[Path], *, add: bool = False) -> Path:
    """Sign the manifest of a wheelhouse with each key and return the signature file.

    :param add: keep the signatures that are there (a second person signs); else they are replaced.
    :raises ToolError: if ssh-keygen is missing, or does not sign.
    """
    content = (root / MANIFEST).read_bytes()
    place = root / SIGNATURE
    armored: list[str] = []
    if add and place.is_file():
        with naming_errors():
            armored = split_signatures(place.read_text())
    armored += [sign_bytes(content, key) for key in keys]
    files.write(place, "".join(armored))
    return place
