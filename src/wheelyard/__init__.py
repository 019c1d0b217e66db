"""Wheelyard: an offline wheelhouse builder and mirror.

What a program may use is here; see ``docs/library.md``. The command line calls the same functions. The rooms below are
drawn in ``docs/architecture.md``: they may change from one version to the next.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wheelyard.bundle.import_ import BundleCheck, TrustOptions
    from wheelyard.bundle.import_ import examine as check
    from wheelyard.bundle.pack import Packed
    from wheelyard.config.load import load as load_config
    from wheelyard.config.model import Config
    from wheelyard.domain.errors import WheelyardError
    from wheelyard.domain.index import IndexSource
    from wheelyard.domain.lock import Lock
    from wheelyard.domain.site import Published, Site
    from wheelyard.domain.target import Target
    from wheelyard.index.publish import publish
    from wheelyard.mirror.add import add
    from wheelyard.mirror.model import Mirrored, Wish
    from wheelyard.stages.locking import lock
    from wheelyard.stages.main_job import BuildOutcome, build
    from wheelyard.stages.mirroring import mirror
    from wheelyard.stages.options import Options
    from wheelyard.stages.packing import pack
    from wheelyard.store.blobs import Store

__version__ = "0.1.0"

__all__ = [
    "BuildOutcome",
    "BundleCheck",
    "Config",
    "IndexSource",
    "Lock",
    "Mirrored",
    "Options",
    "Packed",
    "Published",
    "Site",
    "Store",
    "Target",
    "TrustOptions",
    "WheelyardError",
    "Wish",
    "add",
    "build",
    "check",
    "load_config",
    "lock",
    "mirror",
    "pack",
    "publish",
]

_HOMES = {
    "BundleCheck": "bundle.import_:BundleCheck",
    "Config": "config.model:Config",
    "IndexSource": "domain.index:IndexSource",
    "Lock": "domain.lock:Lock",
    "Mirrored": "mirror.model:Mirrored",
    "Options": "stages.options:Options",
    "BuildOutcome": "stages.main_job:BuildOutcome",
    "Packed": "bundle.pack:Packed",
    "Published": "domain.site:Published",
    "Site": "domain.site:Site",
    "Store": "store.blobs:Store",
    "Target": "domain.target:Target",
    "TrustOptions": "bundle.import_:TrustOptions",
    "WheelyardError": "domain.errors:WheelyardError",
    "Wish": "mirror.model:Wish",
    "add": "mirror.add:add",
    "build": "stages.main_job:build",
    "check": "bundle.import_:examine",
    "load_config": "config.load:load",
    "lock": "stages.locking:lock",
    "mirror": "stages.mirroring:mirror",
    "pack": "stages.packing:pack",
    "publish": "index.publish:publish",
}
"""Where each name of ``__all__`` is found when it is first asked for: ``import wheelyard`` alone stays cheap."""


class _Face(ModuleType):
    """This module. A room that is called like a function (``wheelyard.lock``) does not take its place when imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    found = getattr(import_module(f"{__name__}.{module}"), attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _Face
