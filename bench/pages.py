"""How soon the first page of a big wheelhouse can be used, and what a key of its search costs, in a real Chromium.

Run it as ``.venv/bin/python bench/pages.py [PROJECTS ...]``. The pages are made without any wheel; they are opened from
the disk. *Usable*: scripts have run and the first projects are on the screen. *A key*: from the moment that the browser
hands it over until the list is laid out again.
"""

# ruff: noqa: E402, I001  (a script finds the project's own modules only after it has said where they are)

from __future__ import annotations

import argparse
import gzip
import itertools
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from tests.support.browser import Browser, browser
from wheelyard.domain.site import Site
from wheelyard.index.people import page_plan, views
from wheelyard.index.people.frame import Frame

PARTS = (
    *("array", "async", "audio", "cache", "chart", "client", "cloud", "codec", "color", "crypto"),
    *("data", "date", "disk", "event", "fast", "file", "flow", "font", "form", "graph"),
    *("grid", "hash", "image", "index", "json", "kernel", "lazy", "list", "local", "lock"),
    *("log", "map", "matrix", "mesh", "model", "net", "node", "pack", "page", "parse"),
    *("path", "plot", "pool", "proxy", "query", "queue", "rate", "render", "route", "rule"),
    *("schema", "scikit", "shell", "signal"),
)
TYPED = ("scikit-graph", "table", "time series", "sikit-graph", "xyzzy", "data")
RUNS = 5


def rows(count: int) -> list[views.Row]:
    """Return projects with names and summaries of ordinary length."""
    names = ("-".join(parts) for size in (2, 3) for parts in itertools.permutations(PARTS, size))
    return [
        views.Row(
            name=name,
            shown=name,
            version="1.2.3",
            summary=f"A {name.replace('-', ' ')} library with a summary as long as they are on the average",
            licence="MIT",
            group="permissive",
            imports=(name.replace("-", "_"),),
            folders=("el8", "el9") if number % 3 else ("el9",),
            pythons=("3.6", "3.9") if number % 3 else ("3.9",),
            variants=("baseline",),
            origins=("upstream",) if number % 20 else ("built",),
            files=1,
            bytes=1000,
        )
        for number, name in enumerate(sorted(itertools.islice(names, count)))
    ]


def written(root: Path, count: int) -> Path:
    """Write the first page and what belongs to it."""
    seen = views.Overview(Site(folders=()), {}, {}, {}, {}, {}, {})
    for path, page in [*page_plan.assets(), *page_plan.first_pages(Frame(), seen, rows(count)).items()]:
        made = page.make()
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(made.encode() if isinstance(made, str) else made)
    return root / "index.html"


WATCH = """(() => {
  globalThis.keys = [];
  let start;
  addEventListener("keydown", () => { start = performance.now(); }, true);
  addEventListener("input", () => { document.body.offsetHeight; keys.push(performance.now() - start); });
  document.getElementById("search").focus();
})()"""


def keys(tab: Browser) -> list[float]:
    """Return the milliseconds that each key of some searches takes, the least of several times."""
    tab.js(WATCH)
    took = []
    for _ in range(RUNS):
        tab.js("keys.length = 0")
        for text in TYPED:
            tab.type(text)
            tab.key("Escape")
        took.append([float(each) for each in tab.js("keys")])
    return [min(same) for same in zip(*took, strict=True)]


def usable(tab: Browser, page: Path) -> float:
    """Return the milliseconds from the start of a visit until the first projects are painted."""
    tab.open(page.as_uri())
    tab.js("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    loaded = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    painted = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
    return max(float(tab.js(loaded)), float(tab.js(painted)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("projects", nargs="*", type=int, default=[100, 5_000, 10_000])
    arguments = parser.parse_args()
    with browser() as tab:
        print(f"{os.cpu_count()} CPUs, {platform.machine()}, {tab.call('Browser.getVersion')['product']}, ", end="")
        print(f"load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}\n")
        print("| projects | page | data, compressed | elements | usable (ms) | a key, median (ms) | slowest key (ms) |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        for count in arguments.projects:
            with tempfile.TemporaryDirectory() as scratch:
                page = written(Path(scratch), count)
                visits = sorted(usable(tab, page) for _ in range(RUNS))
                took = keys(tab)
                data = len(gzip.compress((page.parent / "assets/projects.js").read_bytes(), 9))
                elements = tab.js("document.querySelectorAll('*').length")
                print(
                    f"| {count:,} | {page.stat().st_size / 1000:.0f} kB | {data / 1000:.0f} kB | {elements} "
                    f"| {statistics.median(visits):.0f} | {statistics.median(took):.1f} | {max(took):.1f} |"
                )


if __name__ == "__main__":
    main()
