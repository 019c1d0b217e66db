"""The axes of choice: a folder each, which holds all that is known of one."""

from __future__ import annotations

from typing import Any

from wheelyard.variants.axes.blas import Blas
from wheelyard.variants.axes.protocol import Axis
from wheelyard.variants.axes.simd import Simd

AXES: dict[str, Axis[Any, Any]] = {axis.name: axis for axis in (Blas(), Simd())}
"""By name, in the order of their words in names and local versions."""
