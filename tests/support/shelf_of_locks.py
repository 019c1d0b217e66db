"""The crafted index that the locks of ``tests/data/locks`` were made from by uv, Poetry, PDM and pipenv."""

from __future__ import annotations

from pathlib import Path

from tests.support.packages import make_wheel

ADDRESS = "https://packages.example"
"""What stands in the locks for the index."""
_COMPILED = (
    "cp39-cp39-manylinux_2_28_x86_64",
    "cp311-cp311-manylinux_2_28_x86_64",
    "cp313-cp313-manylinux_2_28_x86_64",
    "cp311-cp311-macosx_11_0_arm64",
    "cp311-cp311-win_amd64",
)


def fill(files: Path) -> None:
    """Write the distributions; the same bytes every time, as the locks have their hashes."""
    web = ["click>=8", "colorama; sys_platform == 'win32'", "fast[turbo]>=1", "tasks; extra == 'async'"]
    make_wheel(files, "web", "3.0", requires=web, extras=["async"])
    make_wheel(files, "web", "4.0", requires=web, extras=["async"], requires_python=">=3.9")
    make_wheel(files, "click", "8.1")
    make_wheel(files, "click", "8.2", requires_python=">=3.10")
    make_wheel(files, "colorama", "0.4")
    make_wheel(files, "boost", "0.1")
    make_wheel(files, "tasks", "2.0", requires=["backport; python_version < '3.11'"])
    make_wheel(files, "backport", "1.1")
    make_wheel(files, "plot", "1.0", requires=["click"])
    make_wheel(files, "checker", "7.0", requires=["backport; python_version < '3.11'"])
    for tag in _COMPILED:
        turbo = ["boost; extra == 'turbo'"]
        make_wheel(files, "fast", "1.5", tag=tag, requires=turbo, extras=["turbo"])
        if not tag.startswith("cp39"):
            make_wheel(files, "fast", "2.0", tag=tag, requires=turbo, extras=["turbo"], requires_python=">=3.11")
