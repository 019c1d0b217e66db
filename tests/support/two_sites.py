"""Two sites for this very machine, of which one is published over the other."""

from __future__ import annotations

from dataclasses import replace

from tests.support.shop import Shop, folder
from wheelyard.bundle.installers import installers
from wheelyard.domain.site import Folder, Site
from wheelyard.domain.target import Target
from wheelyard.targets.here import this_machine

HERE = this_machine()


def here(shop: Shop, name: str, *packages: str) -> Folder:
    """Return a folder for this very machine."""
    entries = [shop.entry(*package.split("==")) for package in packages]
    target = Target(name=name, python=HERE.python, python_full=HERE.python_full, platform=HERE.platform, pip="22.0")
    return replace(folder(name, entries), target=target)


def before(shop: Shop) -> Site:
    folders = (here(shop, "el9", "alpha==1.0", "beta==1.0"), here(shop, "old", "beta==1.0"))
    return Site(folders=folders, extra=(shop.entry("gone"),), documents=installers(shop.root))


def after(shop: Shop) -> Site:
    folders = (here(shop, "el9", "alpha==1.0", "beta==1.1"), here(shop, "fresh", "beta==1.1", "new==1.0"))
    return Site(folders=folders, documents={**installers(shop.root), "report.html": b"<p>"})
