"""A layered drawing of who requires whom: what was asked for on the left, what that needs to the right of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

COLUMN, ROW = 230, 30


class Node(NamedTuple):
    """A project at a place of the picture."""

    name: str
    x: int
    y: int


class Edge(NamedTuple):
    """A line from who requires to what is required."""

    source: str
    target: str
    x1: int
    y1: int
    x2: int
    y2: int


class Drawing(NamedTuple):
    """The whole picture."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int


def draw(needs: Mapping[str, Sequence[str]]) -> Drawing:
    """Return places for every name and its lines to what it needs (names that are not keys are left out)."""
    layers = _layers(needs)
    columns: dict[int, list[str]] = {}
    for name in sorted(needs):
        columns.setdefault(layers[name], []).append(name)
    askers: dict[str, list[str]] = {name: [] for name in needs}
    for name, needed in needs.items():
        for each in needed:
            if each in askers:
                askers[each].append(name)
    height = max((len(names) for names in columns.values()), default=0)
    places: dict[str, Node] = {}
    for layer in sorted(columns):
        # Barycentre: near the middle of those that ask for it, so that fewer lines cross.
        def middle(name: str) -> tuple[float, str]:
            above = [places[each].y for each in askers[name] if each in places]
            return (sum(above) / len(above) if above else 0.0, name)

        names = sorted(columns[layer], key=middle)
        top = (height - len(names)) * ROW // 2
        for row, name in enumerate(names):
            places[name] = Node(name, 10 + layer * COLUMN, 20 + top + row * ROW)
    edges = tuple(
        Edge(name, each, places[name].x + COLUMN - 50, places[name].y, places[each].x, places[each].y)
        for name in sorted(needs)
        for each in needs[name]
        if each in places
    )
    width = (max(columns, default=0) + 1) * COLUMN
    return Drawing(tuple(places.values()), edges, width, height * ROW + 30)


def _layers(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the longest way from a root to each name; circles (extras make them) are cut where they close."""
    layers: dict[str, int] = dict.fromkeys(needs, 0)
    order: list[str] = []
    state: dict[str, int] = {}
    back: set[tuple[str, str]] = set()
    for root in sorted(needs):
        if root in state:
            continue
        stack = [(root, iter(sorted(needs[root])))]
        state[root] = 1
        while stack:
            name, rest = stack[-1]
            child = next(rest, None)
            if child is None:
                state[name] = 2
                order.append(name)
                stack.pop()
            elif child not in needs:
                continue
            elif state.get(child) == 1:
                back.add((name, child))
            elif child not in state:
                state[child] = 1
                stack.append((child, iter(sorted(needs[child]))))
    for name in reversed(order):
        for child in needs[name]:
            if child in layers and (name, child) not in back:
                layers[child] = max(layers[child], layers[name] + 1)
    return layers
