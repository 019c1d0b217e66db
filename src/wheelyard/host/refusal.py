"""Why something is refused on the offline side, as one exception with a name and an exit code.

The exit codes are those of ``wheelyard.domain.errors``, so that ``install.py``, ``import.py`` and ``wheelyard`` agree.
"""

EXIT_OTHER = 1
EXIT_USAGE = 2
EXIT_NO_FOLDER = 5
EXIT_NETWORK = 6
EXIT_HASH = 7
EXIT_INSTALL = 11
EXIT_STORAGE = 12
EXIT_TOOL = 13
EXIT_REFUSED = 14


class Refused(Exception):  # noqa: N818  (a decision, not a defect)
    """Something from outside is not accepted.

    ``name`` is a stable word for scripts (``unsigned``, ``older-sequence``, …), ``where`` the file or member that is
    meant, ``hint`` says what to do, ``code`` is the exit code.
    """

    def __init__(self, name: str, message: str, where: str = "", hint: str = "", code: int = EXIT_REFUSED) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.where = where
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        """Return the one line that a person reads."""
        text = self.message if not self.where else "{}: {}".format(self.where, self.message)
        return text if not self.hint else "{} ({})".format(text, self.hint)
