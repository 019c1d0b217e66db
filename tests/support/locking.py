"""Locking, end to end: a local index, real resolvers, real builds."""

from __future__ import annotations

from pathlib import Path

from tests.support.index_server import IndexServer
from wheelyard.config.load import load
from wheelyard.config.model import Config
from wheelyard.domain.events import Reporter, silent
from wheelyard.domain.lock import Lock
from wheelyard.lock.indexes import Indexes
from wheelyard.lock.lock import lock
from wheelyard.stages.backends import Sandboxes
from wheelyard.store.blobs import Store
from wheelyard.toolchain.find import Toolchains

EL9 = '[[target]]\nname = "el9"\npython = "3.9"\nplatform = "manylinux_2_34_x86_64"\npip = "21.2.3"\n'


class Place:
    """A folder with a configuration, an index and a store."""

    def __init__(self, root: Path, server: IndexServer) -> None:
        self.root = root
        self.server = server
        self.files = server.folder
        self.store = Store(root / "store")

    def config(self, requirements: str, more: str = "", targets: str = EL9) -> Config:
        (self.root / "demo.in").write_text(requirements)
        text = f'requirements = ["demo.in"]\n{more}\n{targets}\n[[index]]\nname = "main"\nurl = "{self.server.url}"\n'
        (self.root / "wheelyard.toml").write_text(text)
        return load(self.root / "wheelyard.toml")

    def lock(
        self,
        config: Config,
        *,
        upgrade: bool = False,
        upgrade_packages: tuple[str, ...] = (),
        report: Reporter = silent,
    ) -> dict[str, Lock]:
        with Indexes(config, self.store) as indexes:
            toolchains = Toolchains(config.build, self.store, silent, fetch=indexes.fetch)
            return lock(
                config,
                client=indexes,
                store=self.store,
                backends=Sandboxes(config, self.store, indexes, toolchains),
                upgrade=upgrade,
                upgrade_packages=upgrade_packages,
                report=report,
            )


def versions(found: Lock) -> dict[str, str]:
    return {package.name: package.version for package in found.packages}
