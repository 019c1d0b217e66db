"""The pages as people meet them: in a real Chromium, from the disk, by keyboard, without scripts, dark and narrow."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser, browser
from tests.support.shop import Shop, folder
from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.site import Entry, Site, Wheel

HOSTILE = "<img src=x onerror=window.pwned=1><script>window.pwned=2</script>"

pytestmark = pytest.mark.xdist_group("browser")


def described(shop: Shop, name: str, summary: str, licence: str, requires: str = "") -> Entry:
    """A wheel with a METADATA of its own words."""
    path = shop.root / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    text = f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nSummary: {summary}\nLicense-Expression: {licence}\n"
    text += f"Project-URL: {HOSTILE}, javascript:alert(1)\nProject-URL: Home, https://example.org/{name}\n"
    text += f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name.replace('-', '_')}-1.0.dist-info/METADATA", text)
    wheel = Wheel(
        filename=path.name,
        sha256=shop.store.add_file(path),
        size=path.stat().st_size,
        name=name,
        version="1.0",
        requires_python=">=3.6",
    )
    return Entry(wheel=wheel, origin="upstream", source="main", via=("-r main.in",))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = Shop(tmp_path_factory.mktemp("pages"))
    numbers = described(shop, "numbers", "Fast arrays of numbers", "BSD-3-Clause")
    letters = described(shop, "letters", "Text, and what is in it", "MIT", requires="numbers")
    evil = described(shop, "evil", HOSTILE, HOSTILE)
    made = BuiltWheel(
        key="ab" * 32,
        filename=letters.wheel.filename,
        sha256=letters.wheel.sha256,
        size=1,
        seconds=12.5,
        sandbox="bwrap",
    )
    letters = Entry(
        wheel=letters.wheel,
        origin="built",
        source="letters-1.0.tar.gz",
        built=made,
        via=("-r main.in",),
        reason=HOSTILE,
    )
    numbers = Entry(wheel=numbers.wheel, origin="upstream", source="main", via=("letters",))
    el9 = folder("el9", [numbers, letters, evil])
    shop.publish(Site(folders=(el9, folder("el8", [numbers])), extra=tuple(shop.entry(f"fill-{n}") for n in range(40))))
    return shop.into


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture
def tab(chromium: Browser) -> Browser:
    chromium.scripts(True)
    chromium.media(prefers_color_scheme="light")
    chromium.size(1200, 900)
    return chromium


SHOWN = "[...document.querySelectorAll('#list li:not([hidden]) > a')].map(link => link.textContent)"
PAGES = [
    "index.html",
    "matrix.html",
    "size.html",
    "builds.html",
    "projects/evil.html",
    "projects/letters.html",
    "targets/el9/index.html",
    "graphs/el9.html",
    "simple/evil/index.html",
]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_asks_another_host_or_runs_what_a_wheel_says(site: Path, tab: Browser, path: str) -> None:
    tab.open((site / path).as_uri())
    assert tab.requests
    assert all(url.startswith(site.as_uri()) for url in tab.requests)
    assert tab.js("window.pwned") is None
    assert tab.errors == []
    assert tab.js("document.querySelectorAll('script:not([src]), img, [onerror], a[href^=javascript]').length") == 0


def test_what_a_wheel_says_is_read_as_text(site: Path, tab: Browser) -> None:
    tab.open((site / "projects/evil.html").as_uri())
    assert tab.js("document.querySelector('.lead').textContent") == HOSTILE
    assert tab.js("document.querySelector('dd').textContent") == HOSTILE


def test_search_as_you_type_over_names_and_summaries(site: Path, tab: Browser) -> None:
    tab.open((site / "index.html").as_uri())
    assert len(tab.js(SHOWN)) == 43
    tab.key("/")
    tab.type("arr")
    assert tab.js(SHOWN) == ["numbers"]
    assert tab.js("document.getElementById('count').textContent") == "1 of 43 projects"
    tab.type("zz")
    assert tab.js(SHOWN) == []
    assert tab.js("document.getElementById('none').hidden") is False
    tab.key("Escape")
    assert len(tab.js(SHOWN)) == 43


def test_a_name_that_begins_so_comes_first(site: Path, tab: Browser) -> None:
    tab.open((site / "index.html").as_uri())
    tab.key("/")
    tab.type("e")
    assert tab.js(SHOWN)[0] == "evil"


def test_filters(site: Path, tab: Browser) -> None:
    tab.open((site / "index.html").as_uri())

    def choose(name: str, value: str) -> list[str]:
        tab.js(
            f"(() => {{ const s = document.querySelector('[data-filter={name}]'); s.value = {value!r};"
            "s.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )
        return list(tab.js(SHOWN))

    assert choose("target", "el8") == ["numbers"]
    assert choose("target", "") != ["numbers"]
    assert choose("origin", "built") == ["letters"]
    choose("origin", "")
    assert choose("licence", "MIT") == ["letters"]


def test_the_keyboard_leads_to_a_project(site: Path, tab: Browser) -> None:
    tab.open((site / "index.html").as_uri())
    tab.key("/")
    tab.type("letters")
    tab.key("ArrowDown")
    assert tab.js("document.activeElement.textContent") == "letters"
    tab.key("ArrowUp")
    assert tab.js("document.activeElement.id") == "search"
    tab.key("Enter")
    for _ in range(100):
        if tab.js("document.readyState === 'complete' && document.title") == "letters 1.0":
            break
    assert tab.js("location.pathname").endswith("/projects/letters.html")


def test_without_scripts_everything_is_there(site: Path, tab: Browser) -> None:
    tab.scripts(False)
    tab.open((site / "index.html").as_uri())
    assert len(tab.js(SHOWN)) == 43
    assert tab.js("getComputedStyle(document.getElementById('filters')).display") == "none"
    tab.open((site / "targets/el9/index.html").as_uri())
    assert "-m pip install --user --no-index --require-hashes -f targets/el9" in tab.js("document.body.innerText")
    assert tab.js("document.querySelectorAll('[data-online]:not([hidden])').length") == 0


@pytest.mark.parametrize("path", PAGES[:-1])
def test_narrow_windows_do_not_scroll_sideways(site: Path, tab: Browser, path: str) -> None:
    tab.size(360, 800)
    tab.open((site / path).as_uri())
    assert tab.js("document.documentElement.scrollWidth") <= 360


_CONTRAST = """(() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
      .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (!color.startsWith("rgba(0, 0, 0, 0")) return color;
    }
  };
  return Math.min(...[...document.querySelectorAll("main *:not(svg *), header *")]
    .filter((node) => node.innerText && node.checkVisibility())
    .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
    .map((node) => {
      const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05);
    }));
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES[:-1])
def test_text_stands_out_in_light_and_dark(site: Path, tab: Browser, path: str, scheme: str) -> None:
    """WCAG AA: a contrast of at least 4.5 to 1."""
    tab.media(prefers_color_scheme=scheme)
    tab.open((site / path).as_uri())
    assert tab.js("matchMedia('(prefers-color-scheme: dark)').matches") is (scheme == "dark")
    assert tab.js(_CONTRAST) >= 4.5


def test_a_projects_page_says_what_one_needs_to_know(site: Path, tab: Browser) -> None:
    tab.open((site / "projects/letters.html").as_uri())
    text = tab.js("document.body.innerText")
    wheel = site / "files/letters-1.0-py3-none-any.whl"
    for said in (
        "MIT",
        "Any Python 3, any system",
        hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "python3 -m pip install --user --no-index -f targets/el9 letters==1.0",
        "built from letters-1.0.tar.gz",
        "12.5 s",
        "abababab",
    ):
        assert said in text
    assert tab.js("[...document.querySelectorAll('.chips a')].map(a => a.textContent)") == ["numbers"]
    tab.open((site / "projects/numbers.html").as_uri())
    assert tab.js("[...document.querySelectorAll('.chips a')].map(a => a.textContent)") == ["letters"]


def test_ten_thousand_projects_load_and_answer_in_a_moment(tab: Browser, tmp_path: Path) -> None:
    """Without the wheels themselves: only the page is measured."""
    from wheelyard.index.people import page_plan, views

    rows = [
        views.Row(f"project-{n}", f"project-{n}", "1.0", f"Summary number {n}", "MIT", ("el9",), ("3.9",), (), (), 1, 9)
        for n in range(10_000)
    ]
    seen = views.Overview(Site(folders=()), {}, {}, {}, {}, {}, {})
    (tmp_path / "index.html").write_text(page_plan.index_html(seen, rows))
    for path, page in page_plan.assets():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        made = page.make()
        (tmp_path / path).write_bytes(made if isinstance(made, bytes) else made.encode())
    tab.open((tmp_path / "index.html").as_uri())
    loaded = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    assert tab.js(loaded) < 4000
    took = tab.js(
        "(async () => { const s = document.getElementById('search'); const t = performance.now(); s.value = '777';"
        "s.dispatchEvent(new Event('input')); await new Promise(r => requestAnimationFrame(() => setTimeout(r)));"
        "return performance.now() - t; })()"
    )
    assert took < 1500, "until it is painted: as list items, hiding rows took half a minute"
    assert len(tab.js(SHOWN)) == 19
