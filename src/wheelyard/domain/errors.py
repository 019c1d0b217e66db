"""Every error that a user can meet, one exit code a class.

::

    WheelyardError              1   anything else that we foresaw
    ├── UsageError              2   the command line itself is wrong
    ├── ConfigError             3   wheelyard.toml, a requirements file or an option is wrong
    ├── ResolutionError         4   no set of versions satisfies the requirements
    ├── NoCandidateError        5   a package has neither a fitting wheel nor an sdist
    ├── UpstreamError           6   an index or a file host is down, slow, endless or unsafe
    ├── HashMismatchError       7   bytes are not the ones that were promised
    ├── BuildError              8   an sdist did not become the wheel that was expected
    ├── RepairError             9   a wheel cannot get a tag that the target accepts
    ├── WheelError             10   a wheel (or another archive) is damaged or hostile
    ├── ProofError             11   a finished wheelhouse does not install or import on its target
    ├── StorageError           12   disk full, no permission, a lock held by another run
    ├── ToolError              13   a program, an interpreter, an engine or an image is missing or broken
    ├── VerificationError      14   a bundle, manifest or signature is refused
    ├── VariantError           15   a BLAS or SIMD variant cannot be built, or is not what it claims
    ├── PolicyError            16   a policy refuses a file, or is itself out of date
    └── InternalError          70   nobody foresaw it: a fault of Wheelyard, with a log
    Interrupted               130   Ctrl-C

0 is success.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from wheelyard.domain.redact import hide


class WheelyardError(Exception):
    """Base of all foreseen errors.

    ``message`` says what is wrong, ``where`` names the place (file and line, package, target), ``hint`` says what to
    do about it and ``log`` is the path of the full log, if there is one. Secrets in URLs are taken out of all of them.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self, message: str, *, where: str | None = None, hint: str | None = None, log: Path | None = None
    ) -> None:
        super().__init__(hide(message))
        self.message = hide(message)
        self.where = None if where is None else hide(where)
        self.hint = None if hint is None else hide(hint)
        self.log = log

    def __str__(self) -> str:
        """Return the one line that a person reads; of what a tool has said, more lines, and then the hint its own."""
        text = f"{self.where}: {self.message}" if self.where else self.message
        lines = "\n" in text or "\n" in (self.hint or "")
        if self.hint:
            text += f"\n  {self.hint}" if lines else f" ({self.hint})"
        if self.log:
            text += f"\n  [log: {self.log}]" if lines else f" [log: {self.log}]"
        return text


class UsageError(WheelyardError):
    """The command line itself is wrong: an option or argument that is not there, is missing or is of another kind."""

    exit_code = 2


class ConfigError(WheelyardError):
    """``wheelyard.toml``, a requirements file or an option is wrong."""

    exit_code = 3


class ResolutionError(WheelyardError):
    """No set of versions satisfies the requirements."""

    exit_code = 4


class NoCandidateError(WheelyardError):
    """A package has neither a fitting wheel nor an sdist for the target."""

    exit_code = 5


class UpstreamError(WheelyardError):
    """An index or a file host is down, slow, endless or unsafe."""

    exit_code = 6


class HashMismatchError(WheelyardError):
    """Bytes are not the ones that were promised."""

    exit_code = 7


class BuildError(WheelyardError):
    """An sdist did not become the wheel that was expected."""

    exit_code = 8


class RepairError(WheelyardError):
    """A wheel cannot get a tag that the target accepts."""

    exit_code = 9


class WheelError(WheelyardError):
    """A wheel or another archive is damaged or hostile."""

    exit_code = 10


class ProofError(WheelyardError):
    """A finished wheelhouse does not install or import on its target."""

    exit_code = 11


class StorageError(WheelyardError):
    """The disk is full, a permission is missing or another run holds the lock."""

    exit_code = 12


class ToolError(WheelyardError):
    """A program, an interpreter, an engine or an image is missing or broken."""

    exit_code = 13


class VerificationError(WheelyardError):
    """A bundle, manifest or signature is refused."""

    exit_code = 14


class VariantError(WheelyardError):
    """A BLAS or SIMD variant cannot be built, or is not what it claims."""

    exit_code = 15


class PolicyError(WheelyardError):
    """A policy refuses a file, or is itself out of date: a waiver has ended, a database is too old."""

    exit_code = 16


class InternalError(WheelyardError):
    """Something that nobody foresaw; the log has the traceback."""

    exit_code = 70


class Interrupted(WheelyardError):  # noqa: N818  (a person's wish, not an error)
    """The run was interrupted; a second run goes on from there."""

    exit_code = 130


class Failures(WheelyardError):  # noqa: N818  (a collection)
    """Several independent errors of one run, collected and shown at once.

    The exit code is that of the first error.
    """

    def __init__(self, errors: tuple[WheelyardError, ...]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors
        self.exit_code = errors[0].exit_code  # type: ignore[misc]  # one instance, one code


def together(errors: Iterable[WheelyardError]) -> WheelyardError:
    """Return what to raise for one or more errors: the only one itself, else all of them, none twice."""
    flat = [each for error in errors for each in (error.errors if isinstance(error, Failures) else (error,))]
    unique = {str(error): error for error in flat}
    return flat[0] if len(unique) == 1 else Failures(tuple(unique.values()))
