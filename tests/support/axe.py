"""axe-core, the checker of accessibility rules: fetched once by npm, pinned by hash, used in tests only."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Browser

VERSION = "4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="


@functools.cache
def script() -> str:
    """Return axe's own code; skip where npm cannot bring it."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", "--silent", f"axe-core@{VERSION}"]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=300, check=False)
        packed = Path(scratch) / f"axe-core-{VERSION}.tgz"
        if not packed.is_file():
            pytest.skip(f"npm does not bring axe-core: {done.stderr.strip().splitlines()[-1:]}")
        content = packed.read_bytes()
    assert base64.b64encode(hashlib.sha512(content).digest()).decode() == SHA512
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


def findings(tab: Browser) -> list[str]:
    """Return what axe finds on the page that is open: rule, help, and where."""
    tab.js(script() + ";0")
    said: dict[str, Any] = json.loads(tab.js("axe.run(document).then((result) => JSON.stringify(result))"))
    return [
        f"{found['id']}: {found['help']}: {[node['html'][:120] for node in found['nodes'][:3]]}"
        for found in said["violations"]
    ]
