"""Write ``config/inputs/conda_names.txt`` from the mapping that conda-pypi publishes.

``python -m tests.support.conda_names conda_pypi-0.13.1-py3-none-any.whl`` (a wheel of the index).
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path

from packaging.utils import canonicalize_name

PLACE = Path(__file__).parents[2] / "src" / "wheelyard" / "config" / "inputs" / "conda_names.txt"
_NO_NAME = re.compile(r"[0-9a-f]{50,}")
_HEAD = """\
# What conda-forge's packages are called on the index: a line for each, alone where the name is the same.
# From {name} (its grayskull_pypi_mapping.json, gathered by conda-forge's regro bot), which has this licence:
#
{licence}
"""


def main(wheel: str) -> None:
    """Write the file, in order of name."""
    with zipfile.ZipFile(wheel) as archive:
        entries = json.loads(archive.read("conda_pypi/grayskull_pypi_mapping.json"))
        (licence,) = (name for name in archive.namelist() if name.endswith("licenses/LICENSE"))
        text = archive.read(licence).decode()
    names: dict[str, set[str]] = {}
    for entry in entries.values():
        if not _NO_NAME.fullmatch(entry["pypi_name"]):
            names.setdefault(entry["conda_name"].lower(), set()).add(canonicalize_name(entry["pypi_name"]))
    head = _HEAD.format(
        name="-".join(Path(wheel).name.split("-")[:2]),
        licence="\n".join(f"# {line}".rstrip() for line in text.strip().splitlines()),
    )
    lines = (name if {canonicalize_name(name)} == of else " ".join([name, *sorted(of)]) for name, of in names.items())
    PLACE.write_text(head + "".join(f"{line}\n" for line in sorted(lines)))


if __name__ == "__main__":
    main(sys.argv[1])
