"""The commented ``wheelyard.toml`` that ``wheelyard init`` writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from wheelyard.config.inputs import format_of, pylock, requirements
from wheelyard.schema.problems import Problems, shown
from wheelyard.targets import presets

_TEMPLATE = """\
# What this wheelhouse is for, in one file. Every key has its default; lines with one # before them are examples.
# `wheelyard build` reads this, `wheelyard doctor` says whether this machine has what it takes.

# --- What is wanted ---------------------------------------------------------------------------------------------

{wanted}
# Versions that must not be exceeded, without asking for the package:
# constraints = ["constraints.txt"]

# --- Which hosts it is for --------------------------------------------------------------------------------------

{targets}
# Known: {presets}.
# Behind the name may stand another Python and CPU: "el8-py39", "el9-py311-aarch64".
# A host that is none of these gets a table of its own, at the end of this file.

# --- How ---------------------------------------------------------------------------------------------------------

# wheelhouse = "wheelhouse"     # the output folder
# resolver = "uv"               # or "pip-tools"
# prereleases = false
# only-binary = ["numpy"]       # never built from source; ":all:" for everything
# no-binary = ["markupsafe"]    # always built from source

# [sign]
# key = "~/.ssh/wheels"         # what is published is signed, in the same step

# [build]
# jobs = 0                      # 0: one a CPU
# timeout = "60m"               # of one build
# memory = "8 GiB"              # of one build
# sandbox = "auto"              # or "bubblewrap", "unshare", "sandbox-exec", "container", "none"
# require-sandbox = false       # true: refuse to build where the network cannot be cut off
# engine = "podman"             # or "docker"; found by itself

# [site]
# name = "Wheelhouse"           # on every page
# contact = "wheels@example.org"  # whom to ask: a mail address, a URL, or words
# build-logs = false            # true: the log of every build is published with its wheel

# --- Where from --------------------------------------------------------------------------------------------------
# Without an [[index]], those that pip is configured for. User names and passwords belong into netrc or a keyring.

# [[index]]
# name = "internal"
# url = "https://packages.example/simple"
# explicit = true               # asked only for the packages that name it below
# mirror-of = "default"           # has the same files as that index: else a name that both have is refused

# --- Single packages ---------------------------------------------------------------------------------------------

# [packages.our-library]
# index = "internal"            # never looked up anywhere else
#
# [packages.numpy]
# build = "always"              # or "never", "auto"
# config-settings = {{ setup-args = ["-Dallow-noblas=false"] }}
# environment = {{ CFLAGS = "-O3" }}
# patches = ["patches/numpy.patch"]
# build-requires = ["cython<3.2"]
# image-packages = ["openblas-devel"]
# imports = ["numpy", "numpy.linalg"]
# check = "import numpy; assert numpy.ones(3) @ numpy.ones(3) == 3"

# --- A host of another kind --------------------------------------------------------------------------------------

# [[target]]
# name = "laboratory"           # also the name of its folder
# python = "3.11"               # "3.13t" for a free-threaded one
# platform = "manylinux_2_28_x86_64"
# pip = "22.3.1"                # what the host has; decides which wheels it can see
# image = "quay.io/pypa/manylinux_2_28_x86_64"
"""


def render(sources: Sequence[Path], folder: Path, *, targets: Sequence[str] = ()) -> str:
    """Return the text of a new ``wheelyard.toml``.

    :param sources: what it shall be made from: files of any format of ``config.inputs``; they are read, so that their
        mistakes come out now.
    :param folder: where the new file will be; paths are written relative to it.
    :param targets: names of presets; none: this machine.
    :raises ConfigError: if a source is not there or wrong, or a preset is unknown.
    :raises Failures: for several mistakes.
    """
    for name in targets:
        presets.target(name)
    listed = (
        "targets = " + json.dumps(list(targets))
        if targets
        else '# targets = ["el9", "el8-py39"]\n# Without: this machine.'
    )
    return _TEMPLATE.format(wanted=_wanted(sources, folder), targets=listed, presets=", ".join(presets.presets()))


def _wanted(sources: Sequence[Path], folder: Path) -> str:
    if not sources:
        return (
            "# pip's format: one requirement a line, -r and -c include others.\n"
            'requirements = ["requirements.in"]\n\n'
            "# A project's dependencies too, or another tool's lock, with some of its extras and groups:\n"
            '# requirements = ["requirements.in", { path = "pyproject.toml", extras = ["plot"], groups = ["dev"] }]\n'
        )
    problems = Problems()
    entries = [_entry(source.absolute(), folder.absolute(), problems) for source in sources]
    problems.check()
    if len(entries) == 1:
        return f"requirements = [{entries[0]}]\n"
    return "requirements = [\n" + "".join(f"  {entry},\n" for entry in entries) + "]\n"


def _entry(source: Path, folder: Path, problems: Problems) -> str:
    """Return what ``requirements`` has of a file, which is read to see its mistakes."""
    known = format_of(source) or pylock
    said = known.read(source, folder, problems)
    if not said.requirements and not problems.found and known is requirements:
        problems.add("nothing is required", where=source.name, hint="write one requirement a line")
    return known.written(_quoted(shown(source, folder)))


def _quoted(text: str) -> str:
    """Return a TOML basic string: JSON's escapes are TOML's too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
