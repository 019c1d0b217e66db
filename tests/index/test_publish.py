from __future__ import annotations

import gzip
import json
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.page_reading import anchors, faults
from tests.support.shop import Shop, contents, folder, left_over, stamps, state_of
from wheelyard.bundle import manifest, single
from wheelyard.bundle.manifest import GENERATION
from wheelyard.domain.errors import HashMismatchError, StorageError, WheelError
from wheelyard.domain.events import Event, Warned
from wheelyard.domain.site import Site
from wheelyard.host.manifest import digest_of, dump_manifest
from wheelyard.index.publish import publish
from wheelyard.io import files
from wheelyard.report import papers


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def small(shop: Shop) -> Site:
    alpha, beta = shop.entry("Alpha.Pkg", requires=["beta"]), shop.entry("beta")
    local = shop.entry("beta", "1.0+openblas.v3")
    return Site(
        folders=(folder("el9", [alpha, beta]), folder("el9.v3", [alpha, local], variant="v3")),
        extra=(shop.entry("gamma", "2.0", requires_python=">=3.99"),),
        documents={"install.py": b"print()\n"},
    )


def test_the_wheelhouse_on_disk(shop: Shop) -> None:
    result = shop.publish(small(shop))
    root = shop.into
    assert (result.added, result.removed, result.unchanged) == (4, 0, 0)
    assert not faults(root)
    assert sorted(path.name for path in (root / "files").glob("*.whl")) == [
        "Alpha.Pkg-1.0-py3-none-any.whl",
        "beta-1.0+openblas.v3-py3-none-any.whl",
        "beta-1.0-py3-none-any.whl",
        "gamma-2.0-py3-none-any.whl",
    ]
    for name in ("el9", "el9.v3"):
        for wheel in (root / "targets" / name).glob("*.whl"):
            assert wheel.samefile(root / "files" / wheel.name)
    with zipfile.ZipFile(root / "files" / "beta-1.0-py3-none-any.whl") as archive:
        inside = archive.read("beta-1.0.dist-info/METADATA")
    assert (root / "files" / "beta-1.0-py3-none-any.whl.metadata").read_bytes() == inside
    assert sorted(path.name for path in (root / "simple").iterdir()) == [
        "alpha-pkg", "beta", "gamma", "index.html", "index.json",
    ]  # fmt: skip
    assert [file["filename"] for file in json.loads((root / "simple/beta/index.json").read_text())["files"]] == [
        "beta-1.0-py3-none-any.whl"
    ], "a variant's wheel is in its own folder's index only"
    assert "beta-1.0%2Bopenblas.v3-py3-none-any.whl" in (root / "targets/el9.v3/index.html").read_text()
    listed = {entry.path for entry in manifest.read(root)[0].files}
    assert listed == set(contents(root)) - {"manifest.json"}
    assert [target.folder for target in manifest.read(root)[0].targets] == ["el9", "el9.v3"]


def test_json_page_says_what_the_standards_ask_for(shop: Shop) -> None:
    entry = shop.entry("beta", requires_python=">=3.6,<4", yanked="")
    wheel = replace(entry.wheel, upload_time="2026-01-31T00:00:00Z")
    shop.publish(Site(folders=(), extra=(replace(entry, wheel=wheel), shop.entry("beta", "0.9"))))
    page = json.loads((shop.into / "simple/beta/index.json").read_text())
    assert page["meta"] == {"api-version": "1.1"}
    assert page["name"] == "beta"
    assert page["versions"] == ["0.9", "1.0"]
    assert page["files"][1] == {
        "filename": "beta-1.0-py3-none-any.whl",
        "url": "../../files/beta-1.0-py3-none-any.whl",
        "hashes": {"sha256": wheel.sha256},
        "size": wheel.size,
        "requires-python": ">=3.6,<4",
        "yanked": True,
        "upload-time": "2026-01-31T00:00:00Z",
        "core-metadata": {"sha256": files.sha256(shop.into / "files/beta-1.0-py3-none-any.whl.metadata")},
    }


def test_long_pages_have_compressed_copies_and_short_ones_have_not(shop: Shop) -> None:
    many = tuple(shop.entry("many", f"1.{number}") for number in range(20))
    shop.publish(Site(folders=(), extra=(*many, shop.entry("few"))))
    for path in ("simple/many/index.html", "simple/many/index.json", "index.html", "assets/style.css"):
        packed = shop.into / f"{path}.gz"
        assert gzip.decompress(packed.read_bytes()) == (shop.into / path).read_bytes()
    assert not (shop.into / "simple/few/index.html.gz").exists()
    shop.publish(Site(folders=(), extra=many[:19]))
    assert not (shop.into / "simple/many/index.html.gz").exists()


def test_a_target_folder_is_complete_by_itself(shop: Shop, tmp_path: Path) -> None:
    shop.publish(small(shop))
    alone = tmp_path / "stick" / "targets" / "el9"
    (shop.into / "targets" / "el9").rename(tmp_path / "moved")
    alone.parent.mkdir(parents=True)
    (tmp_path / "moved").rename(alone)
    assert not faults(tmp_path / "stick")


def test_publishing_again_writes_nothing(shop: Shop) -> None:
    site = small(shop)
    shop.publish(site)
    before = stamps(shop.into)
    result = shop.publish(site)
    assert (result.added, result.restored, result.unchanged, result.written) == (0, 0, 4, 0)
    assert stamps(shop.into) == before


@pytest.mark.parametrize(
    "path",
    [
        "files/beta-1.0-py3-none-any.whl",
        "files/beta-1.0-py3-none-any.whl.metadata",
        "targets/el9/beta-1.0-py3-none-any.whl",
        "targets/el9/index.html",
        "targets/el9/requirements.txt",
        "targets/el9/simple/beta/index.json",
        "simple/beta/index.html",
        "simple/index.json",
        "install.py",
        "manifest.json",
    ],
)
@pytest.mark.parametrize("harm", ["deleted", "altered", "same size"])
def test_one_harmed_file_comes_back_alone(shop: Shop, path: str, harm: str) -> None:
    site = small(shop)
    shop.publish(site)
    right, before = contents(shop.into), stamps(shop.into)
    victim = shop.into / path
    content = victim.read_bytes()
    victim.unlink()
    if harm != "deleted":
        victim.write_bytes(content + b"?" if harm == "altered" else b"?" * len(content))
    result = shop.publish(site)
    assert contents(shop.into) == right
    after = stamps(shop.into)
    assert {each for each in right if after[each] != before[each]} <= {path}
    assert result.restored == (path == "files/beta-1.0-py3-none-any.whl")
    assert shop.publish(site).written == 0


def test_a_wheel_altered_in_place_is_healed_under_all_its_names(shop: Shop) -> None:
    site = small(shop)
    shop.publish(site)
    right = contents(shop.into)
    place = shop.into / "targets/el9/beta-1.0-py3-none-any.whl"
    place.chmod(0o644)
    place.write_bytes(b"?" * place.stat().st_size)  # files/ has the same inode
    shop.publish(site)
    assert contents(shop.into) == right
    assert place.samefile(shop.into / "files/beta-1.0-py3-none-any.whl")


def test_touched_or_imported_files_stay_where_their_bytes_are_right(shop: Shop) -> None:
    site = small(shop)
    shop.publish(site)
    shutil.rmtree(state_of(shop.into))
    os.utime(shop.into / "simple/beta/index.html", ns=(1, 1))
    before = stamps(shop.into)
    assert shop.publish(site).added == 0
    after = stamps(shop.into)
    assert {path for path in after if after[path] != before[path]} <= {"manifest.json"} | {
        path for path in after if path.startswith("targets/")
    }
    assert (shop.into / "files/beta-1.0-py3-none-any.whl").samefile(shop.into / "targets/el9/beta-1.0-py3-none-any.whl")


def test_what_the_site_has_no_more_is_removed(shop: Shop) -> None:
    site = small(shop)
    shop.publish(site)
    result = shop.publish(Site(folders=site.folders[:1]))
    assert result.removed == 2
    assert sorted(path.name for path in (shop.into / "targets").iterdir()) == ["el9"]
    assert not (shop.into / "simple/gamma").exists()
    assert not (shop.into / "install.py").exists()
    other = shop.into.parent / "other"
    shop.publish(Site(folders=site.folders[:1]), other)
    numbered = dict.fromkeys(("manifest.json", GENERATION), "")  # two publications there, one here
    assert {**contents(shop.into), **numbered} == {**contents(other), **numbered}


def test_a_changed_lock_exchanges_the_folder_and_keeps_what_is_the_same(shop: Shop) -> None:
    alpha, old, new = shop.entry("alpha"), shop.entry("beta"), shop.entry("beta", "1.1")
    shop.publish(Site(folders=(folder("el9", [alpha, old]),)))
    before = stamps(shop.into)
    shop.publish(Site(folders=(folder("el9", [alpha, new]),)))
    assert not faults(shop.into)
    after = stamps(shop.into)
    for kept in ("targets/el9/simple/alpha/index.html", "targets/el9/alpha-1.0-py3-none-any.whl", "simple/index.html"):
        assert after[kept] == before[kept]
    assert sorted(path.name for path in (shop.into / "targets/el9").glob("*.whl")) == [
        "alpha-1.0-py3-none-any.whl",
        "beta-1.1-py3-none-any.whl",
    ]


def test_a_stranger_in_a_target_folder_is_removed_and_a_readme_at_the_top_is_not(shop: Shop) -> None:
    site = small(shop)
    shop.publish(site)
    (shop.into / "targets/el9/evil-9-py3-none-any.whl").write_bytes(b"")
    (shop.into / "README.md").write_text("mine")
    shop.publish(site)
    assert not (shop.into / "targets/el9/evil-9-py3-none-any.whl").exists()
    assert (shop.into / "README.md").read_text() == "mine"
    assert "README.md" in {entry.path for entry in manifest.read(shop.into)[0].files}


@pytest.mark.parametrize("lost", [False, True])
def test_what_wheelyard_did_not_make_is_neither_listed_nor_packed(shop: Shop, lost: bool) -> None:
    """Once a folder is a wheelhouse, somebody may put a file there that is meant for nobody else."""
    shop.publish(small(shop))
    strangers = ("files/thesis.txt", "notes/plan.md", "secret.txt")
    (shop.into / "notes").mkdir()
    for path in strangers:
        (shop.into / path).write_text("mine")
    if lost:
        (shop.into / "manifest.json").unlink()
    said: list[Event] = []
    publish(replace(small(shop), extra=()), store=shop.store, into=shop.into, report=said.append)
    assert all((shop.into / path).read_text() == "mine" for path in strangers)
    assert [each.message for each in said if isinstance(each, Warned)] == [
        f"{shop.into / path} is not of this wheelhouse: it is neither signed nor packed" for path in strangers
    ]
    single.put(shop.into)
    papers.write(shop.into)
    for _ in range(2):
        listed = {entry.path for entry in manifest.read(shop.into)[0].files}
        assert {"install.py", "sbom.cdx.json"} <= listed
        assert listed.isdisjoint(strangers)
        shop.publish(small(shop))


def test_a_changed_readme_is_listed_anew_and_a_signature_outlives_a_lost_manifest(shop: Shop) -> None:
    site = small(shop)
    (shop.into).mkdir()
    (shop.into / "README.md").write_text("mine")
    shop.publish(site)
    first, content = manifest.read(shop.into)
    (shop.into / "manifest.json.sig").write_text("a signature")
    (shop.into / "manifest.json").unlink()
    shop.publish(site)
    assert manifest.read(shop.into)[1] == content
    assert (shop.into / "manifest.json.sig").exists()
    (shop.into / "README.md").write_text("mine, longer")
    shop.publish(site)
    second = manifest.read(shop.into)[0]
    assert second.sequence == first.sequence + 1
    assert {entry.path: entry.size for entry in second.files}["README.md"] == 12
    assert not (shop.into / "manifest.json.sig").exists()


def test_the_quick_manifest_is_the_one_that_a_full_listing_gives(shop: Shop) -> None:
    alpha, beta = shop.entry("alpha"), shop.entry("beta")
    for number, extra in ((1, (alpha,)), (2, (alpha, beta)), (4, (beta,))):  # with what leaves it would be 3
        shop.publish(Site(folders=(), extra=extra))
        quick, content = manifest.read(shop.into)
        assert quick.sequence == number
        again = quick._replace(files=manifest.build(shop.into).files)
        assert dump_manifest(again) == content


def test_the_generations_number_is_in_one_file_that_every_page_shows_and_the_manifest_lists(shop: Shop) -> None:
    def told() -> tuple[int, bytes]:
        listed = manifest.read(shop.into)[0]
        content = (shop.into / GENERATION).read_bytes()
        assert {entry.path: entry.sha256 for entry in listed.files}[GENERATION] == digest_of(content)
        return listed.sequence, content

    alpha, beta = shop.entry("alpha"), shop.entry("beta")
    first = shop.publish(Site(folders=(folder("el9", [alpha]),)))
    pages = [path for path in shop.into.rglob("*.html") if "simple" not in path.parts]
    assert first.generation == 1
    for page in pages:
        text = page.read_text()
        assert 'assets/generation.css"' in text, page
        assert '<span class="generation">' in text, page
    assert told() == (1, b'.generation::after { content: ", generation 1"; }\n')
    before = stamps(shop.into / "projects")
    assert shop.publish(Site(folders=(folder("el9", [alpha]),), extra=(beta,))).generation == 2
    assert told() == (2, b'.generation::after { content: ", generation 2"; }\n')
    after = stamps(shop.into / "projects")
    assert {path: after[path] for path in before} == before  # no page is another one because of a number
    manifest.restamp(shop.into, created=None, expires="2040-01-01T00:00:00Z")
    assert told()[0] == 3
    assert b"generation 3" in told()[1]
    (shop.into / GENERATION).write_text("damaged")
    assert shop.publish(Site(folders=(folder("el9", [alpha]),), extra=(beta,))).generation == told()[0]


def test_a_manifest_that_another_tool_wrote_is_continued(shop: Shop) -> None:
    alpha, beta = shop.entry("alpha"), shop.entry("beta")
    shop.publish(Site(folders=(), extra=(alpha,)))
    ahead = manifest.read(shop.into)[0]._replace(sequence=41)
    manifest.write(shop.into, ahead)
    shop.publish(Site(folders=(), extra=(alpha, beta)))
    assert manifest.read(shop.into)[0].sequence == 42


def test_one_name_with_two_contents_is_an_error_that_names_both(shop: Shop) -> None:
    one = shop.entry("beta", source="main")
    two = shop.entry("beta", source="beta-1.0.tar.gz", content="other")
    with pytest.raises(WheelError, match=r"targets/el9 \(from main\).*files \(from beta-1.0.tar.gz\)"):
        shop.publish(Site(folders=(folder("el9", [one]),), extra=(two,)))
    assert not shop.into.exists()


def test_names_that_only_differ_by_case_are_an_error(shop: Shop) -> None:
    with pytest.raises(WheelError, match="only by case"):
        shop.publish(Site(folders=(), extra=(shop.entry("beta"), shop.entry("Beta"))))


def test_spellings_of_one_name_are_one_project(shop: Shop) -> None:
    shop.publish(Site(folders=(), extra=(shop.entry("big_pkg"), shop.entry("Big.Pkg", "2.0"))))
    assert [path.name for path in (shop.into / "simple").iterdir() if path.is_dir()] == ["big-pkg"]
    assert len(anchors(shop.into / "simple/big-pkg/index.html").links) == 2


HOSTILE = '"><script>alert(1)</script><a href="javascript:alert(2)'


def test_what_strangers_write_is_shown_and_never_obeyed(shop: Shop) -> None:
    entry = shop.entry("beta")
    wheel = replace(entry.wheel, requires_python=HOSTILE, yanked=HOSTILE, upload_time=HOSTILE, provenance=HOSTILE)
    hostile = replace(entry, wheel=wheel)
    shop.publish(Site(folders=(folder("el9", [hostile]),)))
    for page in (shop.into / "simple/beta/index.html", shop.into / "targets/el9/index.html"):
        parsed = anchors(page)
        assert parsed.scripts in ([], ["../../assets/site.js"])
        links = [link for link in parsed.links if "data-yanked" in link]
        assert [link["data-yanked"] for link in links] == [HOSTILE]
        assert links[0]["data-requires-python"] == HOSTILE
        assert not any((link["href"] or "").startswith("javascript:") for link in parsed.links)
    assert json.loads((shop.into / "simple/beta/index.json").read_text())["files"][0]["yanked"] == HOSTILE


BAD_NAMES = [
    "../beta-1.0-py3-none-any.whl",
    "a b-1-py3-none-any.whl",
    ".beta-1-py3-none-any.whl",
    "beta-1-py3-none-any.exe",
    "other-1.0-py3-none-any.whl",
    'x"-1-py3-none-any.whl',
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_hostile_file_names_are_refused(shop: Shop, name: str) -> None:
    entry = shop.entry("beta")
    with pytest.raises(WheelError):
        shop.publish(Site(folders=(), extra=(replace(entry, wheel=replace(entry.wheel, filename=name)),)))


@pytest.mark.parametrize("name", ["../x", "x/../../y", "files/x", "targets", ".hidden", "manifest.json", "/etc/x", ""])
def test_hostile_places_are_refused(shop: Shop, name: str) -> None:
    with pytest.raises(WheelError):
        shop.publish(Site(folders=(), documents={name: b""}))
    with pytest.raises(WheelError):
        shop.publish(Site(folders=(folder("../x" if name else "el9..v3", []),)))


def test_a_folder_of_somebody_else_is_not_touched(shop: Shop) -> None:
    (shop.into / "files").mkdir(parents=True)
    (shop.into / "files" / "thesis.txt").write_text("mine")
    with pytest.raises(StorageError, match="did not put there"):
        shop.publish(small(shop))
    assert contents(shop.into).keys() == {"files/thesis.txt"}


def test_a_held_lock_is_an_error_at_once(shop: Shop) -> None:
    with files.locked(state_of(shop.into) / "lock", what="x"), pytest.raises(StorageError, match="another run"):
        shop.publish(small(shop))


@pytest.mark.parametrize(("harm", "error"), [("missing", StorageError), ("damaged", HashMismatchError)])
def test_a_bad_blob_leaves_the_published_site_as_it_was(shop: Shop, harm: str, error: type[Exception]) -> None:
    alpha, beta = shop.entry("alpha"), shop.entry("beta")
    shop.publish(Site(folders=(folder("el9", [alpha]),)))
    before = contents(shop.into)
    blob = shop.store.path(beta.wheel.sha256)
    content = blob.read_bytes()
    blob.unlink()
    if harm == "damaged":
        blob.write_bytes(b"?" * len(content))
    with pytest.raises(error, match=r"beta-1\.0"):
        shop.publish(Site(folders=(folder("el9", [alpha, beta]),)))
    assert contents(shop.into) == before
    assert not left_over(shop.into)


def test_the_same_site_gives_the_same_bytes_anywhere(shop: Shop, tmp_path: Path) -> None:
    site = small(shop)
    shop.publish(site)
    shuffled = replace(site, folders=tuple(replace(each, entries=each.entries[::-1]) for each in site.folders))
    shop.publish(shuffled, tmp_path / "other")
    assert contents(shop.into) == contents(tmp_path / "other")
