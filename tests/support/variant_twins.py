"""Two packages that are built against one BLAS."""

from __future__ import annotations

from tests.support.packages import make_sdist
from tests.support.variant_yard import DEMO, Yard


def twin(yard: Yard) -> None:
    """Write the demo's sdist under another name, into the yard."""
    files = {
        str(path.relative_to(DEMO)).replace("blasdemo", "blastwin"): path.read_bytes().replace(b"blasdemo", b"blastwin")
        for path in sorted(DEMO.rglob("*"))
        if path.is_file()
    }
    make_sdist(yard.root, "blastwin", "1.0", files)
