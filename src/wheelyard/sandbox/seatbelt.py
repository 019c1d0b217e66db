"""Apple's ``sandbox-exec`` (Seatbelt): the sandbox of macOS."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from wheelyard.domain.command import Command, Completed
from wheelyard.io import process as door

_PROGRAM = "/usr/bin/sandbox-exec"


_DEVICES = ("/dev/null", "/dev/zero", "/dev/dtracehelper", "/dev/tty")


@dataclass(frozen=True, slots=True)
class SandboxExec:
    """Apple's ``sandbox-exec``: no network, no file written but the build's, none of a user's read but those given."""

    name: str = "sandbox-exec"
    isolation: Literal["full", "network", "none"] = "network"

    def run(self, command: Command) -> Completed:
        """Run a command; see :class:`wheelyard.sandbox.protocol.Sandbox`."""
        arguments = sandboxed(command)
        return door.run(
            arguments, cwd=command.cwd, env=command.env, log=command.log, merge=True, timeout=command.limits.seconds
        )


def sandboxed(command: Command) -> list[str]:
    """Return a command as ``sandbox-exec`` runs it: paths are the profile's parameters, so none changes its meaning.

    Of two rules that fit, the later one counts. The kernel knows only real paths: ``/var`` is a link there.
    """
    named = {f"READ{number}": path for number, path in enumerate((*command.readable, *command.writable))}
    written = {f"WRITE{number}": path for number, path in enumerate(command.writable)}
    profile = ["(version 1)", "(allow default)", "(deny network*)", "(deny file-write*)"]
    profile += ['(deny file-read-data (subpath "/Users") (subpath "/Volumes"))']
    profile += [f'(allow file-read-data (subpath (param "{name}")))' for name in named]
    profile += [f'(allow file-write* (subpath (param "{name}")))' for name in written]
    profile += [f'(allow file-write* (literal "{path}"))' for path in _DEVICES]
    parameters = [f"-D{name}={os.path.realpath(path)}" for name, path in {**named, **written}.items()]
    return [_PROGRAM, *parameters, "-p", "".join(profile), *command.argv]
