"""A wheel on its way from the backend to the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from wheelyard.domain.build import BuildUnit
from wheelyard.domain.repaired import Repaired
from wheelyard.sandbox.workspace import Workspace
from wheelyard.store.blobs import Store
from wheelyard.toolchain.protocol import Toolchain


@dataclass(frozen=True, slots=True, kw_only=True)
class Finishing:
    """What there is of a wheel so far. Everything lies where only the host writes (``Workspace.aside``)."""

    unit: BuildUnit
    toolchain: Toolchain
    """What compiled it."""
    place: Workspace
    store: Store
    path: Path
    """The wheel, as the last step left it."""
    policy: str = ""
    """The platform tag that it earned, once it is repaired."""
    grafted: tuple[str, ...] = ()
    """File names of the libraries that repair put in."""
    extra: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    """More files for its ``.dist-info``, by name."""

    @property
    def repaired(self) -> Repaired:
        """What repair made of it."""
        return Repaired(path=self.path, policy=self.policy, grafted=self.grafted)


Step: TypeAlias = Callable[[Finishing], Finishing]
