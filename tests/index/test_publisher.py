"""A publisher of one's own is one class: here one that puts a site into a zip file."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.page_reading import faults
from tests.support.shop import Shop, contents, folder
from wheelyard.bundle.manifest import GENERATION
from wheelyard.domain.events import Reporter
from wheelyard.domain.site import Published, Site, Wheel
from wheelyard.host.manifest import digest_of
from wheelyard.index.publish import publish
from wheelyard.index.publishers.protocol import Order, Publisher
from wheelyard.index.rendered import RenderedSite
from wheelyard.store.blobs import Store


@dataclass(frozen=True)
class Zipped:
    """Publishes into one zip file, written aside and renamed."""

    path: Path

    @property
    def place(self) -> str:
        return str(self.path)

    def published(self, wheel: Wheel) -> Path | None:
        return None

    def put(self, rendered: RenderedSite, *, store: Store, order: Order, report: Reporter) -> Published:
        aside = self.path.with_suffix(".new")
        with zipfile.ZipFile(aside, "w") as archive:
            for path, content in rendered.read(store):
                archive.writestr(path, content)
        aside.replace(self.path)
        return Published(added=len(rendered.pool), written=len(rendered.files))


def test_a_site_is_published_into_a_zip_file(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    alpha, beta = shop.entry("alpha", requires=["beta"]), shop.entry("beta")
    site = Site(folders=(folder("el9", [alpha, beta]),), extra=(shop.entry("gamma"),), documents={"a.html": b"<p>"})
    publisher: Publisher = Zipped(tmp_path / "house.zip")
    done = publish(site, store=shop.store, into=publisher)
    with zipfile.ZipFile(tmp_path / "house.zip") as archive:
        archive.extractall(tmp_path / "out")
    assert done.added == 3
    assert not faults(tmp_path / "out")
    shop.publish(site)
    folder_has = contents(shop.into)
    del folder_has["manifest.json"]  # which only a folder has: the zip is no wheelhouse that a host would believe
    empty = digest_of(b"")  # what has no manifest has no number
    assert contents(tmp_path / "out") == {**folder_has, GENERATION: empty}
