"""One index, or a folder or page of links, that files come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSource:
    """One index or find-links place. Credentials are not here: they are asked for when they are needed."""

    name: str
    url: str
    kind: Literal["simple", "find-links"] = "simple"
    explicit: bool = False
    """Only projects that are bound to this index by ``[packages.NAME] index = …`` are looked up here."""
    trusted: bool = False
    """Plain http, or a certificate that does not verify, is accepted (pip's ``trusted-host``)."""
    mirror_of: str | None = None
    """Name of the index whose files this one has too: a name that both have is no confusion."""

    @property
    def family(self) -> str:
        """What an index and its mirrors have in common."""
        return self.mirror_of or self.name


OF_PIP = re.compile(r"default|(extra|find-links)-[1-9][0-9]*")
"""What the indexes of pip's configuration are called here."""

IndexStrategy: TypeAlias = Literal["one-index", "first-index"]
"""What becomes of a name that several indexes have and that is bound to none. ``one-index``: it is refused;
``first-index``: the first one that has it is the only one (as for uv)."""
