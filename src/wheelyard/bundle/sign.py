"""Signing a manifest with ``ssh-keygen -Y sign``: an existing SSH key, one in an agent, or a hardware key."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from wheelyard.bundle.manifest import naming_errors
from wheelyard.domain.errors import ToolError
from wheelyard.host.manifest import MANIFEST, SIGNATURE
from wheelyard.host.sshsig import NAMESPACE, split_signatures
from wheelyard.io import files, process
from wheelyard.io.temporary import temporary_folder

__all__ = ["NAMESPACE", "sign", "sign_bytes"]

_PATIENCE = 300.0  # seconds: a person may have to find and touch the hardware key


def sign_bytes(content: bytes, key: Path) -> str:
    """Return the armored signature over bytes.

    :param key: a private key, or a public key whose private half an SSH agent holds.
    :raises ToolError: if ssh-keygen is missing, or does not sign.
    """
    if shutil.which("ssh-keygen") is None:
        raise ToolError("ssh-keygen is not installed", hint="install OpenSSH 8.1 or newer to sign")
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
