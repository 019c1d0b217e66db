"""A disk that is really full. What a fault at any call leaves is walked in ``tests/faults``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bundles import pack
from tests.support.signed_wheelhouses import house, key, public, target


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    root = tmp_path / "house"
    house(root, targets=[target("3.12")])
    first = pack(root, tmp_path / "1.tar", keys=[key()]).volumes
    house(root, targets=[target("3.12")], alpha="1.1", bulk=1_000_000)
    second = pack(root, tmp_path / "2.tar", keys=[key()]).volumes
    code = (
        "import sys; from pathlib import Path\n"
        "from wheelyard.bundle.import_ import *; from wheelyard.domain.errors import StorageError\n"
        "from wheelyard.host import applying\n"
        "applying._room = lambda *a: None\n"  # the check before is tested elsewhere: this is the disk's own word
        f"import_bundle([Path({str(first[0])!r})], Path('disk/into'), TrustOptions(trust=Path({str(public())!r})))\n"
        f"try: import_bundle([Path({str(second[0])!r})], Path('disk/into'))\n"
        "except StorageError as error: print(error)\n"
        "print(check([Path('disk/into')]))\n"
        "print(sorted(p.name[0] for p in Path('disk/into/generations').iterdir()))\n"
    )
    shell = f'mount -t tmpfs -o size=600k none disk && exec {sys.executable} -c "$CODE"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", shell],
        cwd=tmp_path,
        env={**os.environ, "CODE": code},
        capture_output=True,
        text=True,
        check=False,
    )
    if "mount" in done.stderr:
        pytest.skip("may not mount here")
    assert "[disk-full]" in done.stdout, done.stdout + done.stderr
    assert done.stdout.splitlines()[1:] == ["([], True)", "['0']"]
