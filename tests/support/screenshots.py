"""Pictures of every kind of page, wide and narrow, light and dark: ``python -m tests.support.screenshots WHEELHOUSE``.

They go to ``docs/images/pages``, and ``docs/pages.md`` shows them.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from tests.support.browser import Browser, browser

INTO = Path(__file__).parents[2] / "docs" / "images" / "pages"
SIZES = {1280: 800, 390: 844}
SCHEMES = ("light", "dark")
QUALITY = 42


def kinds(root: Path) -> dict[str, str]:
    """Return a page of each kind, by the name of its picture."""
    target = max((root / "targets").iterdir()).name
    names = ("rich", "numpy", *sorted(path.stem for path in (root / "projects").iterdir()))
    project = next(name for name in names if (root / f"projects/{name}.html").is_file())
    return {
        "projects": "index.html",
        "search": "index.html#q=sklaern",
        "project": f"projects/{project}.html",
        "target": f"targets/{target}/index.html",
        "matrix": "matrix.html",
        "size": "size.html",
        "builds": "builds.html",
        "graph": f"graphs/{target}.html",
        "report": "report.html",
        "licences": "licenses.html",
    }


def take(tab: Browser, path: Path, width: int) -> None:
    """Save what one sees of the page first, a little smaller than it is."""
    clip = {"x": 0, "y": 0, "width": width, "height": SIZES[width], "scale": 0.7}
    made = tab.call("Page.captureScreenshot", format="webp", quality=QUALITY, clip=clip)
    path.write_bytes(base64.b64decode(made["data"]))


def main(root: Path) -> None:
    INTO.mkdir(parents=True, exist_ok=True)
    with browser() as tab:
        for scheme in SCHEMES:
            tab.media(prefers_color_scheme=scheme)
            for width, height in SIZES.items():
                tab.size(width, height)
                for name, page in kinds(root).items():
                    tab.open("about:blank")
                    path, mark, search = page.partition("#")
                    tab.open(f"{(root / path).as_uri()}{mark}{search}")
                    if name == "search":
                        tab.js("document.getElementById('projects').scrollIntoView()")
                    tab.js("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
                    take(tab, INTO / f"{name}-{width}-{scheme}.webp", width)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
