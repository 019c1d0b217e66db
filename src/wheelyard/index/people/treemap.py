"""A squarified treemap (Bruls, Huizing, van Wijk 2000): areas in proportion, rectangles nearly squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle of the picture; ``item`` is the place of its value in the list."""

    item: int
    x: float
    y: float
    width: float
    height: float


def squarify(values: Sequence[float], width: float, height: float) -> list[Box]:
    """Return a rectangle for each value above zero, biggest first, which together fill the whole area."""
    order = sorted((index for index, value in enumerate(values) if value > 0), key=lambda index: -values[index])
    total = sum(values[index] for index in order)
    if not order:
        return []
    scale = width * height / total
    boxes: list[Box] = []
    x = y = 0.0
    row: list[tuple[int, float]] = []
    for index in order:
        area = values[index] * scale
        side = min(width, height)
        if row and _worst([*(each for _, each in row), area], side) > _worst([each for _, each in row], side):
            x, y, width, height = _lay(row, x, y, width, height, boxes)
            row = []
        row.append((index, area))
    _lay(row, x, y, width, height, boxes)
    return boxes


def _worst(areas: list[float], side: float) -> float:
    total = sum(areas)
    if total <= 0 or side <= 0:
        return float("inf")
    return max(side * side * max(areas) / total**2, total**2 / (side * side * min(areas)))


def _lay(
    row: list[tuple[int, float]], x: float, y: float, width: float, height: float, boxes: list[Box]
) -> tuple[float, float, float, float]:
    """Lay a row along the shorter side; return what is left."""
    total = sum(area for _, area in row)
    if width >= height:
        thick = total / height if height else 0.0
        at = y
        for index, area in row:
            boxes.append(Box(index, x, at, thick, area / thick if thick else 0.0))
            at += area / thick if thick else 0.0
        return x + thick, y, width - thick, height
    thick = total / width if width else 0.0
    at = x
    for index, area in row:
        boxes.append(Box(index, at, y, area / thick if thick else 0.0, thick))
        at += area / thick if thick else 0.0
    return x, y + thick, width, height - thick
