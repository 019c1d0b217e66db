"""Sandboxes that work on this machine, or a reason to skip."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest

from wheelyard.build.frontend import Workspace
from wheelyard.sandbox import local
from wheelyard.sandbox.protocol import Sandbox

Opened = Callable[..., Workspace]


def working(name: str) -> Sandbox:
    refusal = local._refusal(name)
    if refusal is not None and os.geteuid() == 0 and shutil.which({"bubblewrap": "bwrap"}.get(name, name)):
        pytest.fail(f"{name} is here, and root may use it: {refusal}")
    if refusal is not None:
        pytest.skip(f"{name} does not work here: {refusal}")
    return local.SANDBOXES[name]
