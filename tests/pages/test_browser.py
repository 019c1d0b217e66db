"""The pages as people meet them: in a real Chromium, from the disk, by keyboard, without scripts, dark and narrow."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.support import axe
from tests.support.browser import Browser, browser
from tests.support.shop import Shop, folder
from tests.support.web_servers import own
from wheelyard.bundle import manifest
from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.site import Entry, Imprint, Site, Wheel
from wheelyard.index import build_logs
from wheelyard.index.people import page_plan, views
from wheelyard.index.people.frame import Frame
from wheelyard.report import papers

HOSTILE = "<img src=x onerror=window.pwned=1><script>window.pwned=2</script>"

pytestmark = pytest.mark.xdist_group("browser")


README = f"""# numbers

![a badge](https://badges.example/x.svg) Fast, see [the manual](https://numbers.example/manual) or [here](docs/more.md).

#### Skips two levels

- [x] done
- [ ] to do

| a | b |
| - | - |
| 1 | 2 |

```python
import numbers
```

<h1 id="search" class="brand" style="position: fixed">{HOSTILE}</h1>
<form action="https://evil.example"><input name="q"><button>Send</button></form>
<iframe src="https://evil.example"></iframe><svg onload="window.pwned=3"></svg><style>* {{ display: none }}</style>
<a href="javascript:window.pwned=4">press</a><a href=" data:text/html,x">data</a>
<meta http-equiv="refresh" content="0;url=https://evil.example"><base href="https://evil.example/"><object data="x">
</object><math><mtext><style><img src=x onerror=window.pwned=5></style></mtext></math>
"""


def described(shop: Shop, name: str, summary: str, licence: str, requires: str = "", readme: str = "") -> Entry:
    """A wheel with a METADATA of its own words."""
    path = shop.root / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    text = f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nSummary: {summary}\nLicense-Expression: {licence}\n"
    text += f"Project-URL: {HOSTILE}, javascript:alert(1)\nProject-URL: Home, https://example.org/{name}\n"
    text += f"Requires-Dist: {requires}\nRequires-Dist: other; extra == 'test'\n" if requires else ""
    text += f"Description-Content-Type: text/markdown\n\n{readme}" if readme else ""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name.replace('-', '_')}-1.0.dist-info/METADATA", text)
    wheel = Wheel(
        filename=path.name,
        sha256=shop.store.add_file(path),
        size=path.stat().st_size,
        name=name,
        version="1.0",
        requires_python=">=3.6",
        upload_time="2026-01-31T10:00:00Z",
        imports=(name.upper(),),
    )
    return Entry(wheel=wheel, origin="upstream", source="main", via=("-r main.in",))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = Shop(tmp_path_factory.mktemp("pages"))
    numbers = described(shop, "numbers", "Fast arrays of numbers", "BSD-3-Clause", readme=README)
    letters = described(shop, "letters", "Text, and what is in it", "MIT", requires="numbers")
    evil = described(shop, "evil", HOSTILE, HOSTILE, readme=HOSTILE + "<" * 3000)
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
    log = shop.store.add_bytes(b"cc -O2 letters.c\n")
    long = shop.entry("long", "1.0+" + "a_very_long_label_without_a_place_to_break_it" * 2)
    site = Site(
        folders=(el9, folder("el8", [numbers])),
        extra=(long, *(shop.entry(f"fill-{n}") for n in range(39))),
        imprint=Imprint(name="Wheels & more", contact="wheels@example.org", date="2026-02-01"),
        attachments={build_logs.place(made): log},
    )
    shop.publish(site)
    papers.write(shop.into, store=shop.store)
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
    "projects/numbers.html",
    "targets/el9/index.html",
    "graphs/el9.html",
    "report.html",
    "licenses.html",
    "simple/evil/index.html",
]
MORE = ["simple/index.html"]


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
    assert tab.js("document.querySelector('dd').firstChild.textContent").strip() == HOSTILE


def test_a_readme_is_shown_without_what_could_run_load_or_deceive(site: Path, tab: Browser) -> None:
    tab.open((site / "projects/numbers.html").as_uri())
    readme = "document.querySelector('.readme')"
    text = tab.js(f"{readme}.innerText")
    for said in ("a badge Fast, see the manual", "☑ done", "☐ to do", "import numbers"):
        assert said in text
    kept = set(tab.js(f"[...{readme}.querySelectorAll('*')].map(each => each.tagName.toLowerCase())"))
    assert kept <= {
        *("a", "code", "div", "em", "h2", "h3", "h4", "h5", "li", "p", "pre"),
        *("span", "table", "tbody", "td", "th", "thead", "tr", "ul"),
    }
    assert tab.js(f"[...{readme}.querySelectorAll('a')].map(link => link.href)") == ["https://numbers.example/manual"]
    attributes = f"[...{readme}.querySelectorAll('*')].flatMap(each => [...each.attributes].map(said => said.name))"
    assert set(tab.js(attributes)) <= {"id", "class", "href", "rel"}
    assert tab.js(f"[...{readme}.querySelectorAll('[id]')].map(each => each.id)") == ["readme"]
    levels = tab.js(f"[...{readme}.querySelectorAll('h3, h4, h5, h6')].map(each => each.tagName + each.textContent)")
    assert levels[:2] == ["H3numbers", "H4Skips two levels"]
    tab.open((site / "projects/evil.html").as_uri())
    assert tab.js("window.pwned") is None
    assert "README" in tab.js("document.body.innerText")


@pytest.mark.parametrize("path", PAGES[:-1])
def test_every_page_says_whose_wheelhouse_it_is(site: Path, tab: Browser, path: str) -> None:
    tab.open((site / path).as_uri())
    assert tab.js("document.querySelector('.brand').textContent") == "Wheels & more"
    assert tab.js("document.title").endswith("Wheels & more")
    assert "Wheels & more, 2026-02-01" in tab.js("document.querySelector('footer').innerText")
    assert tab.js("document.querySelector('footer a').href") == "mailto:wheels@example.org"
    shown = "getComputedStyle(document.querySelector('footer .generation'), '::after').content"
    assert tab.js(shown) == f'", generation {manifest.read(site)[0].sequence}"'


def test_papers_and_pages_lead_to_each_other(site: Path, tab: Browser) -> None:
    links = "[...document.querySelectorAll('header nav a, footer a')].map(link => link.textContent)"
    everywhere = ["Projects", "Matrix", "Size", "Builds", "Report", "Licences", "wheels@example.org", "SBOM"]
    for path in ("index.html", "projects/letters.html", "report.html", "licenses.html"):
        tab.open((site / path).as_uri())
        assert tab.js(links) == everywhere
        current = tab.js("document.querySelector('[aria-current=page]')?.textContent")
        assert current == {"index.html": "Projects", "report.html": "Report", "licenses.html": "Licences"}.get(path)
    for link in tab.js("[...document.querySelectorAll('header nav a')].map(link => link.href)"):
        tab.open(link)


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
    assert choose("licence", "permissive") == ["letters", "numbers"]
    assert choose("licence", "not stated as SPDX")[0] == "evil"


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
        if tab.js("document.readyState === 'complete' && document.title") == "letters 1.0: Wheels & more":
            break
    assert tab.js("location.pathname").endswith("/projects/letters.html")


def test_without_scripts_everything_is_there(site: Path, tab: Browser) -> None:
    tab.scripts(False)
    tab.open((site / "index.html").as_uri())
    assert len(tab.js(SHOWN)) == 43
    assert tab.js("getComputedStyle(document.getElementById('filters')).display") == "none"
    tab.open((site / "targets/el9/index.html").as_uri())
    said = tab.js("document.body.innerText")
    assert "python3.9 -m pip install --user --no-index -f /WHEELHOUSE/targets/el9 --require-hashes" in said
    assert "python3.9 -m pip install --user --index-url http://SERVER/targets/el9/simple/ --trusted-host SERVER" in said


@pytest.mark.parametrize("path", [*PAGES, "simple/long/index.html", "projects/long.html", "404.html"])
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
        f"python3.9 -m pip install --user --no-index -f {site}/targets/el9 letters==1.0",
        "built from letters-1.0.tar.gz",
        "12.5 s",
        "abababab",
        "Released\n2026-01-31",
        "Import as\nLETTERS",
        "MIT permissive",
        "Only with an extra\nother",
    ):
        assert said in text
    assert tab.js("[...document.querySelectorAll('.chips a')].map(a => a.textContent)") == ["numbers"]
    log = tab.js("[...document.querySelectorAll('dd a')].find(link => link.textContent === 'of its build').href")
    tab.open(log)
    assert tab.js("document.body.innerText").strip() == "cc -O2 letters.c"
    tab.open((site / "projects/numbers.html").as_uri())
    assert tab.js("[...document.querySelectorAll('.chips a')].map(a => a.textContent)") == ["letters"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(site: Path, tab: Browser, scheme: str) -> None:
    tab.media(prefers_color_scheme=scheme)
    found = {}
    for path in (*PAGES, *MORE):
        tab.open((site / path).as_uri())
        found[path] = axe.findings(tab)
    assert "\n".join(f"{path}: {each}" for path, said in found.items() for each in said) == ""


@pytest.fixture
def plain_http(site: Path) -> Iterator[str]:
    """The site on plain http under a name of its own: to a browser that is no secure context."""
    with own(site, site) as url:
        yield url.replace("127.0.0.1", "wheels.example")


def test_commands_are_copied_on_plain_http_too(plain_http: str, tab: Browser) -> None:
    tab.open(f"{plain_http}targets/el9/index.html")
    assert tab.js("navigator.clipboard") is None
    tab.click(".command button")
    assert tab.js("document.querySelector('.command button').textContent") == "Copied"
    tab.js("document.body.prepend(document.createElement('textarea')); document.querySelector('textarea').focus()")
    tab.paste()
    assert tab.js("document.querySelector('textarea').value") == tab.js(
        "document.querySelector('.command code').textContent"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_not_here_has_a_page_that_leads_back(plain_http: str, tab: Browser, scheme: str) -> None:
    tab.media(prefers_color_scheme=scheme)
    tab.open(f"{plain_http}targets/no/such/page.html")
    assert tab.js("document.querySelector('h1').textContent") == "This is not here"
    assert tab.js("document.querySelector('main a').href") == f"{plain_http}index.html"
    assert tab.js("getComputedStyle(document.querySelector('.brand')).fontWeight") == "700", "it finds its style"
    assert axe.findings(tab) == []


def test_a_matrix_shows_only_what_was_typed_or_differs(site: Path, tab: Browser) -> None:
    tab.open((site / "matrix.html").as_uri())
    names = "[...document.querySelectorAll('.matrix tbody th')].map(cell => cell.textContent)"
    assert tab.js(names) == ["evil", "letters", "numbers"]
    tab.js("document.querySelector('#narrow input[type=checkbox]').click()")
    assert tab.js(names) == ["evil", "letters"], "numbers is the same everywhere"
    tab.js("document.querySelector('#narrow input[type=search]').focus()")
    tab.type("lett")
    assert tab.js(names) == ["letters"]
    assert tab.js("document.querySelector('#narrow output').textContent") == "1 of 3 projects"


def test_the_graph_is_walked_by_the_arrow_keys(site: Path, tab: Browser) -> None:
    tab.open((site / "graphs/el9.html").as_uri())
    tab.js("document.querySelector('svg.graph a[tabindex=\"0\"]').focus()")
    here = "document.activeElement.dataset.name"
    assert tab.js(here) == "letters"
    assert tab.js("[...document.querySelectorAll('a.lit')].map(link => link.dataset.name)") == ["letters", "numbers"]
    tab.key("ArrowRight")
    assert tab.js(here) == "numbers"
    tab.key("ArrowLeft")
    assert tab.js(here) == "letters"


def test_colours_of_the_treemap_are_explained(site: Path, tab: Browser) -> None:
    tab.open((site / "size.html").as_uri())
    assert tab.js("[...document.querySelectorAll('.legend li')].map(each => each.textContent.trim())") == [
        "compiled here",
        "upstream",
    ]
    drawn = "[...new Set([...document.querySelectorAll('.treemap rect')].map(box => box.getAttribute('class')))].sort()"
    assert tab.js(drawn) == ["built", "upstream"]


def rows_of(names: Iterable[str], imports: tuple[str, ...] = ()) -> list[views.Row]:
    """Rows as the pages are given them, without any wheel."""
    return [
        views.Row(
            name=name,
            shown=name,
            version="1.0",
            summary=f"Summary of {name}",
            licence="MIT",
            group="permissive",
            imports=imports,
            folders=("el9",),
            pythons=("3.9",),
            variants=("baseline",),
            origins=("upstream",),
            files=1,
            bytes=9,
        )
        for name in names
    ]


def written(root: Path, rows: list[views.Row]) -> Path:
    """Write the first page and what belongs to it; return it."""
    seen = views.Overview(Site(folders=()), {}, {}, {}, {}, {}, {})
    for path, page in [*page_plan.assets(), *page_plan.first_pages(Frame(), seen, rows).items()]:
        (root / path).parent.mkdir(exist_ok=True)
        made = page.make()
        (root / path).write_bytes(made if isinstance(made, bytes) else made.encode())
    return root / "index.html"


def test_many_projects_are_read_by_letters_without_scripts(tmp_path: Path, tab: Browser) -> None:
    first = written(tmp_path, rows_of(f"{first}-{number:03}" for first in "9abz" for number in range(100)))
    tab.scripts(False)
    tab.open(first.as_uri())
    letters = dict(tab.js("[...document.querySelectorAll('.letters a')].map(link => [link.textContent, link.href])"))
    assert list(letters) == ["0–9", "A", "B", "Z"]
    tab.open(letters["Z"])
    assert tab.js("document.querySelectorAll('.projects li > a').length") == 100
    tab.scripts(True)
    tab.open(letters["Z"])
    assert axe.findings(tab) == []


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("scikit_learn", "scikit-learn"),
        ("SciKit.Learn", "scikit-learn"),
        ("sklearn", "scikit-learn"),
        ("scikit-laern", "scikit-learn"),
        ("sklaern", "scikit-learn"),
        ("nunpy", "numpy"),
        ("pnadas", "pandas"),
        ("reqests", "requests"),
    ],
)
def test_a_project_is_found_by_other_spellings_by_its_module_and_with_a_typo(
    tmp_path: Path, tab: Browser, typed: str, found: str
) -> None:
    rows = rows_of(["numpy", "pandas", "requests", "scipy"]) + rows_of(["scikit-learn"], ("sklearn",))
    tab.open(written(tmp_path, rows).as_uri())
    tab.key("/")
    tab.type(typed)
    assert tab.js(SHOWN)[0] == found
    near = tab.js("!document.getElementById('near').hidden")
    assert near is (typed not in ("scikit_learn", "SciKit.Learn", "sklearn"))


def test_a_list_goes_on_where_one_scrolls_to_its_end(tmp_path: Path, tab: Browser) -> None:
    tab.open(written(tmp_path, rows_of(f"project-{number}" for number in range(400))).as_uri())
    assert len(tab.js(SHOWN)) < 400
    for _ in range(100):
        tab.js("scrollTo(0, document.body.scrollHeight)")
        tab.js("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        if len(tab.js(SHOWN)) == 400:
            break
    assert len(tab.js(SHOWN)) == 400


def test_ten_thousand_projects_make_a_small_page_that_finds_them_all(tmp_path: Path, tab: Browser) -> None:
    """How long it takes is measured by ``bench/pages.py``."""
    first = written(tmp_path, rows_of(f"project-{number:05}" for number in range(10_000)))
    assert first.stat().st_size < 20_000
    tab.open(first.as_uri())
    assert tab.js("document.getElementById('count').textContent") == "10000 projects"
    assert tab.js("document.querySelectorAll('*').length") < 1000
    tab.key("/")
    tab.type("project-09999")
    assert tab.js(SHOWN) == ["project-09999"]
