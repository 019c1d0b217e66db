"""Patches, applied to an unpacked sdist."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from wheelyard.domain.errors import BuildError, ToolError
from wheelyard.io import process as door

_PATCH_SAYS = re.compile(r"patching file|Hunk #|Reversed|\d+ out of|.*(can't find|malformed|garbage)")


def apply_patches(source: Path, patches: Sequence[Path], *, log: Path | None = None) -> None:
    """Apply patch files in order with ``patch -p1``.

    :raises BuildError: naming the patch and the hunk that does not fit.
    :raises ToolError: if there is no patch program.
    """
    if patches and shutil.which("patch") is None:
        raise ToolError("the program patch is needed and not installed", hint="dnf install patch, apt install patch")
    for patch in patches:
        if not patch.is_file():
            raise BuildError("there is no such patch", where=str(patch), hint="see [packages.NAME] patches")
        command = ["patch", "-p1", "--batch", "--forward", "--no-backup-if-mismatch", "--reject-file=-", "-i"]
        done = door.run([*command, patch.resolve()], cwd=source, log=log, merge=True, timeout=60)
        if done.returncode != 0:
            lines = [line for line in done.output.splitlines() if not line.startswith("$ ")]
            said = [line for line in lines if _PATCH_SAYS.match(line)]
            raise BuildError(
                "the patch does not apply: " + ("; ".join(said) or "; ".join(lines[-3:])),
                where=patch.name,
                hint="make the patch again for this version",
                log=log,
            )
