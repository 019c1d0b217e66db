"""Resolving with pip-tools, that is with pip's own resolver.

It runs under our own Python for every target: the loopback index has evaluated all markers, and knows the tags.
"""

from __future__ import annotations

import importlib.util
import re
import sys

from wheelyard.domain.errors import ResolutionError, ToolError
from wheelyard.io.process import run
from wheelyard.io.temporary import temporary_folder
from wheelyard.resolve import files
from wheelyard.resolve.model import Question, Resolution

_TIMEOUT = 24 * 3600.0
_CAUSE = re.compile(r"requirement=\w+\('(?P<wanted>[^']+)'\), parent=(?:None|\w+\('[^']*?/(?P<parent>[^/']+?)-py3-)")


class PipTools:
    """``pip-compile`` against the loopback index."""

    name = "pip-tools"

    def resolve(self, question: Question, index_url: str) -> Resolution:
        """Return the pins, ordered by name (see ``Resolver``).

        :raises ToolError: if pip-tools is not installed.
        """
        if importlib.util.find_spec("piptools") is None:
            raise ToolError("pip-tools is not installed", hint='pip install "wheelyard[pip-tools]", or resolver = "uv"')
        with temporary_folder("pip-tools") as folder:
            written = files.write_question(question, folder)
            command = [
                sys.executable, "-m", "piptools", "compile", "--no-config", "--no-header", "--annotation-style",
                "split", "--no-strip-extras", "--allow-unsafe", "--quiet", "--no-emit-index-url",
                "--no-emit-trusted-host", "--no-emit-options", "--cache-dir", str(folder / "cache"),
                "--index-url", index_url, "--output-file", files.OUTPUT,
            ]  # fmt: skip
            command += ["--pre"] if question.prereleases else []
            command += [part for constraint in written.constraints for part in ("--constraint", constraint)]
            environment = {
                **files.clean_environment(folder),
                "PIP_CONFIG_FILE": "/dev/null",
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "PIP_DEFAULT_TIMEOUT": str(int(_TIMEOUT)),
                "PIP_NO_INPUT": "1",
                "PIP_KEYRING_PROVIDER": "disabled",
                "PYTHONWARNINGS": "ignore",
            }
            ended = run([*command, *written.requirements], cwd=folder, env=environment, timeout=_TIMEOUT)
            if ended.returncode:
                raise ResolutionError(explanation(ended.errors), hint="loosen one of these requirements")
            return Resolution(pins=files.read_pins((folder / files.OUTPUT).read_text(), written.origins))


def explanation(errors: str) -> str:
    """Return who wants what, from pip's own words."""
    wants = []
    for cause in _CAUSE.finditer(errors.rpartition("ResolutionImpossible: [")[2]):
        if cause["parent"]:
            name, _, version = cause["parent"].rpartition("-")
            wants.append(f"{name.replace('_', '-')} {version} depends on {cause['wanted']}")
        else:
            wants.append(f"you require {cause['wanted']}")
    lines = [line.strip().removeprefix("ERROR: ") for line in errors.splitlines() if line.strip().startswith("ERROR: ")]
    return "\n  ".join(["no versions fit together:", *dict.fromkeys(wants), *(lines if not wants else [])])
