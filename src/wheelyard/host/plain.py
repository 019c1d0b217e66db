"""Foreign text made harmless: nothing that an index, a build or a bundle says may steer the terminal that shows it.

Every program here prints through ``plain_text``: ``wheelyard``, ``install.py`` and ``import.py``.
"""

import re
import sys
import unicodedata
from typing import Optional, TextIO

# A control sequence (ECMA-48, 5.4): colours and cursor movements, which compilers and pip write even into pipes.
_SEQUENCE = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]")


def _plain_character(character: str) -> str:
    if character.isprintable() or character in "\n\t" or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode("ascii")


def plain_text(text: str) -> str:
    r"""Return a text that does nothing but stand there: what ``repr`` would escape is shown as ``\x1b`` or ``\u202e``.

    These are the control characters of C0 and C1 but newline and tab, DEL, what changes the direction of writing, what
    has no width, line separators and lone surrogates. Colours are left out.
    """
    if text.isprintable():
        return text
    text = _SEQUENCE.sub("", text).replace("\r\n", "\n")
    return "".join(map(_plain_character, text))


def say(text: str, stream: Optional[TextIO] = None) -> None:
    """Print a line (None: on standard output), made harmless; what the terminal's encoding lacks is escaped as well."""
    out = stream or sys.stdout
    encoding = getattr(out, "encoding", None) or "utf-8"
    line = (plain_text(text) + "\n").encode(encoding, "backslashreplace").decode(encoding)
    out.write(line)
    out.flush()
