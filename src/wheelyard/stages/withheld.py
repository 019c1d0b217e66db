"""What one run does not publish, and why: a folder that fails is withheld, and the others are not.

A target that is withheld takes its variants along, as their versions are its own. What the configuration asks for and a
run could not make keeps its earlier folder, with its earlier lock.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from wheelyard.domain.errors import Failures, Interrupted, StorageError, WheelyardError, together
from wheelyard.stages.plan import Plan

_ENDS_ALL = (StorageError, Interrupted)
"""What is no fault of a target: nothing that comes after can be right."""


class Withheld:
    """The errors of one run by the folder that each of them withholds; stages note theirs here and go on."""

    def __init__(self, *, all_or_nothing: bool = False) -> None:
        self._all_or_nothing = all_or_nothing
        self._errors: dict[str, list[WheelyardError]] = {}

    def add(self, folder: str, error: WheelyardError) -> None:
        """Withhold a folder.

        :raises WheelyardError: the error itself, if it ends the whole run.
        """
        if isinstance(error, _ENDS_ALL):
            raise error
        self._errors.setdefault(folder, []).append(error)

    @contextmanager
    def unless(self, folder: str) -> Iterator[None]:
        """Withhold a folder for what is raised within."""
        try:
            yield
        except WheelyardError as error:
            for cause in error.errors if isinstance(error, Failures) else (error,):
                self.add(folder, cause)

    def left(self, plans: Sequence[Plan]) -> tuple[Plan, ...]:
        """Return the plans that are gone on with.

        :raises WheelyardError: what withholds them, if none is left or all or nothing is wanted; several as Failures.
        """
        left = tuple(plan for plan in plans if not {plan.name, plan.target.name} & self._errors.keys())
        if self._errors and (self._all_or_nothing or not left):
            raise self.error
        return left

    def reasons(self, folder: str) -> tuple[WheelyardError, ...]:
        """Return why a folder is withheld; nothing for a variant whose baseline is."""
        return tuple(self._errors.get(folder, ()))

    def holds(self, error: WheelyardError) -> bool:
        """Whether an error only says again why folders are withheld."""
        causes = error.errors if isinstance(error, Failures) else (error,)
        return all(cause in itertools.chain(*self._errors.values()) for cause in causes)

    def all(self) -> dict[str, tuple[WheelyardError, ...]]:
        """Return why each folder that is withheld is."""
        return {name: tuple(errors) for name, errors in self._errors.items()}

    @property
    def error(self) -> WheelyardError:
        """All that went wrong, each thing once."""
        return together(error for errors in self.all().values() for error in errors)
