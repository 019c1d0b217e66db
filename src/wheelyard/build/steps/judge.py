"""Is it the wheel that was asked for?"""

from __future__ import annotations

import re

from packaging.version import InvalidVersion, Version

from wheelyard.build import frontend
from wheelyard.build.steps.model import Finishing
from wheelyard.domain.errors import BuildError
from wheelyard.wheels.read import read

_LOG_TAIL = 1 << 20
_OBJECT = re.compile(r"\.(so(\.\d+)*|dylib|pyd|dll|a|exe)$|\.data/scripts/|/bin/")
"""What can hold compiled code, by the names of a wheel's members."""


def judge(wheel: Finishing) -> Finishing:
    """Refuse a wheel of another project or version, or one that is less than what was expected."""
    package, place, facts = wheel.unit.package, wheel.place, read(wheel.path)
    try:
        same = facts.name == package.name and Version(facts.version) == Version(package.version)
    except InvalidVersion:
        same = False
    if not same:
        raise BuildError(
            f"the backend built {facts.name} {facts.version}",
            where=place.package,
            hint="is the version taken from a repository that an sdist does not have?",
            log=place.log,
        )
    if package.expects == "binary" and (facts.is_pure or not any(_OBJECT.search(member) for member in facts.members)):
        with place.log.open("rb") as stream:
            stream.seek(max(0, place.log.stat().st_size - _LOG_TAIL))
            lines = frontend.last_lines(stream.read().decode(errors="replace"))
        raise BuildError(
            "a wheel without anything compiled came out, where other platforms have a compiled one: "
            f"its extension did not compile\n{lines}",
            where=place.package,
            hint="a compiler or a header may be missing; what the log says comes first",
            log=place.log,
        )
    return wheel
