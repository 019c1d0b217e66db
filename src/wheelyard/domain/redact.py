"""Secrets taken out of text before a person, a log or a file gets it: user names, passwords, tokens.

Everything that looks like one is hidden, also what cannot be parsed; rather a harmless word too many. Text that was
through here once stays as it is when it comes again.
"""

from __future__ import annotations

import re

HIDDEN = "****"

_SCHEME = r"(?:://|%3A%2F%2F)"
_USERINFO = re.compile(rf"({_SCHEME})(?!/)\S*(?:@|%40)", re.IGNORECASE)
"""Up to the last @ of the word: a password may hold /, ?, # and @ that were not encoded. ``file:///`` has no user."""
_REVISION = re.compile(
    r"((?:git|hg|svn|bzr)\+[a-z]+://(?:\S*@)?[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?/[^\s@%]+)@([\w.+-]+)"
    r"(?![^\s#'\",;:)\]}])",
    re.IGNORECASE,
)
"""A repository at a branch or tag: this @ has the host before it, and no path behind it, as that of a user would."""
_BARE = re.compile(r"(?<!\S)[^\s:@]+:(?!//)\S*@(?!sha256:)")
"""The same without a scheme; ``image:tag@sha256:…`` is none."""
_QUERY = re.compile(rf"({_SCHEME}[^\s?#]*)\?[^\s#]+", re.IGNORECASE)
_FRAGMENT = re.compile(rf"({_SCHEME}[^\s#]*)#(?!sha256=[0-9a-f]{{64}}(?![^\s'\"),;]))\S+", re.IGNORECASE)
_SETTING = re.compile(
    r"([?&;#]\s*[\w.-]*(?:token|signature|sig|secret|passw|pwd|key|credential|auth)[\w.-]*=)[^\s&#;]+", re.IGNORECASE
)
_AT = "\ue040"  # stands for an @ that is to stay, while others are looked for
_LINE = re.compile(rf"({_SCHEME})(?!/).*(?:@|%40)", re.IGNORECASE | re.DOTALL)


def hide(text: str) -> str:
    """Return a text without the user names, passwords, queries and fragments of its URLs (``#sha256=…`` stays)."""
    if not any(sign in text for sign in "@%?#&;"):
        return text
    text = _USERINFO.sub(rf"\1{HIDDEN}@", _REVISION.sub(rf"\1{_AT}\2", text)).replace(_AT, "@")
    text = _BARE.sub(f"{HIDDEN}@", text)
    text = _QUERY.sub(rf"\1?{HIDDEN}", text)
    text = _FRAGMENT.sub(rf"\1#{HIDDEN}", text)
    return _SETTING.sub(rf"\1{HIDDEN}", text)


def hide_line(line: str) -> str:
    """Return a line of the user's that may be wrong anywhere: a blank in a password does not end it either."""
    return hide(_LINE.sub(rf"\1{HIDDEN}@", _REVISION.sub(rf"\1{_AT}\2", line)).replace(_AT, "@"))
