"""A layered drawing of who requires whom (Sugiyama, Tagawa, Toda 1981), from left to right.

Lines that follow from others are left out (transitive reduction); a line over several layers gets a place in each of
them; layers are ordered by medians, sweep after sweep, as in Graphviz's ``dot`` (Gansner et al. 1993); places are the
nearest ones to the middle of the neighbours that keep order and distance (isotonic regression).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

COLUMN, ROW, WIDTH = 230, 30, 180
_LINE = 14
"""What a line that passes a layer takes of it, where a project takes a row."""
_SWEEPS = 12


class Node(NamedTuple):
    """A project at a place of the picture."""

    name: str
    x: int
    y: int


class Edge(NamedTuple):
    """A line from who requires to what is required."""

    source: str
    target: str
    path: str
    """As SVG's ``d`` wants it."""


class Drawing(NamedTuple):
    """The whole picture."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int


Passing = tuple[str, str, int]
"""The place of a line in a layer between its ends."""
Point = str | Passing


class _Layered(NamedTuple):
    layers: list[list[Point]]
    before: dict[Point, list[Point]]
    behind: dict[Point, list[Point]]


def draw(needs: Mapping[str, Sequence[str]]) -> Drawing:
    """Return places for every name and lines to what it needs (names that are not keys are left out)."""
    straight, layer_of = _acyclic(needs)
    lines = _reduced(straight)
    joined = {name for name, others in lines.items() if others} | {
        other for others in lines.values() for other in others
    }
    chains = {(name, other): _chain(name, other, layer_of) for name, others in lines.items() for other in others}
    layered = _layered(sorted(joined), chains.values(), layer_of)
    ordered = _ordered(layered)
    y = _placed(ordered, layered)
    top = min(y.values(), default=0.0) - 20
    x = {point: 10 + number * COLUMN for number, layer in enumerate(ordered) for point in layer}
    nodes = [Node(name, x[name], round(y[name] - top)) for layer in ordered for name in layer if isinstance(name, str)]
    nodes.sort(key=lambda node: (node.x, node.y))
    columns = max(len(ordered), 1)
    height = round(max(y.values(), default=0.0) - top) + ROW if y else 20
    alone = sorted(needs.keys() - joined)
    columns = max(columns, min(4, len(alone)))
    below = height + ROW // 2 if y else 20
    nodes += [
        Node(name, 10 + number % columns * COLUMN, below + number // columns * ROW) for number, name in enumerate(alone)
    ]
    height = max([height, *(node.y + ROW for node in nodes)])
    edges = tuple(
        Edge(name, each, _path([(x[point], round(y[point] - top)) for point in chain]))
        for (name, each), chain in sorted(chains.items())
    )
    return Drawing(tuple(nodes), edges, columns * COLUMN, height)


def _acyclic(needs: Mapping[str, Sequence[str]]) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Return the lines without those that close a circle (extras make them), and the longest way to each name."""
    layers: dict[str, int] = dict.fromkeys(needs, 0)
    order: list[str] = []
    state: dict[str, int] = {}
    straight: dict[str, list[str]] = {name: [] for name in needs}
    for root in sorted(needs):
        if root in state:
            continue
        stack = [(root, iter(sorted(set(needs[root]))))]
        state[root] = 1
        while stack:
            name, rest = stack[-1]
            child = next(rest, None)
            if child is None:
                state[name] = 2
                order.append(name)
                stack.pop()
            elif child in needs and state.get(child) != 1:
                straight[name].append(child)
                if child not in state:
                    state[child] = 1
                    stack.append((child, iter(sorted(set(needs[child])))))
    for name in reversed(order):
        for child in straight[name]:
            layers[child] = max(layers[child], layers[name] + 1)
    return straight, layers


def _reduced(lines: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the lines without those that a longer way says too."""
    reached: dict[str, set[str]] = {}

    def beyond(name: str) -> set[str]:
        stack = [name]
        while stack:
            missing = [neighbour for neighbour in lines[stack[-1]] if neighbour not in reached]
            if missing:
                stack.extend(missing)
                continue
            done = stack.pop()
            reached[done] = set(lines[done]).union(*(reached[neighbour] for neighbour in lines[done]))
        return reached[name]

    for name in lines:
        beyond(name)
    return {
        name: [point for point in others if not any(point in reached[other] for other in others if other != point)]
        for name, others in lines.items()
    }


def _chain(source: str, target: str, layer_of: Mapping[str, int]) -> list[Point]:
    between = range(layer_of[source] + 1, layer_of[target])
    return [source, *((source, target, layer) for layer in between), target]


def _layered(names: Iterable[str], chains: Iterable[Sequence[Point]], layer_of: Mapping[str, int]) -> _Layered:
    made = _Layered([], {}, {})
    points: dict[Point, int] = {name: layer_of[name] for name in names}
    for chain in chains:
        points.update((point, point[2]) for point in chain if not isinstance(point, str))
        for one, other in pairwise(chain):
            made.behind.setdefault(one, []).append(other)
            made.before.setdefault(other, []).append(one)
    made.layers.extend([] for _ in range(max(points.values(), default=-1) + 1))
    for point, layer in points.items():
        made.layers[layer].append(point)
    return made


def _ordered(layered: _Layered) -> list[list[Point]]:
    """Return the layers in the order that crosses least of those that the sweeps came through."""
    current = [sorted(layer, key=str) for layer in layered.layers]
    best, least = current, _crossings(current, layered.behind)
    for sweep in range(_SWEEPS):
        current = [list(layer) for layer in current]
        onward = sweep % 2 == 0
        neighbours = layered.before if onward else layered.behind
        for number in range(1, len(current)) if onward else range(len(current) - 2, -1, -1):
            beside = current[number - 1 if onward else number + 1]
            at = {point: place for place, point in enumerate(beside)}
            middles = {
                point: _median([at[neighbour] for neighbour in neighbours.get(point, ())], place)
                for place, point in enumerate(current[number])
            }
            current[number].sort(key=middles.__getitem__)
        crossing = _crossings(current, layered.behind)
        if crossing < least:
            best, least = current, crossing
    return best


def _median(places: Sequence[float], otherwise: float) -> float:
    if not places:
        return otherwise
    ordered = sorted(places)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _crossings(layers: Sequence[Sequence[Point]], behind: Mapping[Point, Sequence[Point]]) -> int:
    found = 0
    for layer, following in pairwise(layers):
        at = {point: place for place, point in enumerate(following)}
        passed: list[int] = []
        for point in layer:
            ends = sorted(at[before] for before in behind.get(point, ()))
            found += sum(len(passed) - bisect_left(passed, end + 1) for end in ends)
            for end in ends:
                insort(passed, end)
    return found


def _placed(layers: Sequence[Sequence[Point]], layered: _Layered) -> dict[Point, float]:
    """Return how far down each point is."""
    y: dict[Point, float] = {}
    for layer in layers:
        y.update(zip(layer, _apart(layer, [0.0] * len(layer)), strict=True))
    for sweep in range(_SWEEPS):
        onward = sweep % 2 == 0
        for layer in layers if onward else reversed(layers):
            near, far = (layered.before, layered.behind) if onward else (layered.behind, layered.before)
            beside = [near.get(point) or far.get(point) or [point] for point in layer]
            if sweep >= _SWEEPS - 2:  # at last in the middle of both sides
                beside = [[*near.get(point, ()), *far.get(point, ())] or [point] for point in layer]
            wishes = [sum(y[other] for other in others) / len(others) for others in beside]
            y.update(zip(layer, _apart(layer, wishes), strict=True))
    return y


def _apart(layer: Sequence[Point], wishes: Sequence[float]) -> list[float]:
    """Return the places nearest to what is wished for (least squares) that keep order and distance."""
    offsets = [0.0]
    for one, other in pairwise(layer):
        offsets.append(offsets[-1] + (_room(one) + _room(other)) / 2)
    blocks: list[tuple[float, int]] = []  # pool adjacent violators: mean and size
    for wish, offset in zip(wishes, offsets, strict=False):
        mean, size = wish - offset, 1
        while blocks and blocks[-1][0] > mean:
            above, count = blocks.pop()
            mean, size = (mean * size + above * count) / (size + count), size + count
        blocks.append((mean, size))
    means = [mean for mean, size in blocks for _ in range(size)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]


def _room(point: Point) -> float:
    return ROW if isinstance(point, str) else _LINE


def _path(points: Sequence[tuple[int, int]]) -> str:
    """Return a line through the layers: level where it passes one, curved between two."""
    parts = [f"M{points[0][0] + WIDTH} {points[0][1]}"]
    bend = (COLUMN - WIDTH) // 2
    for number, ((x1, y1), (x2, y2)) in enumerate(pairwise(points), 2):
        start = x1 + WIDTH
        parts.append(f"C{start + bend} {y1} {x2 - bend} {y2} {x2} {y2}")
        if number < len(points):
            parts.append(f"H{x2 + WIDTH}")
    return "".join(parts)
