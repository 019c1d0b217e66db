"""Real engines and real images: made from a Debian mirror by ``docker/debian.sh``, once a machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.images import BuildAll
from wheelyard.build.worker import build_all
from wheelyard.domain.build import BuildUnit, BuiltWheel
from wheelyard.domain.command import Limits
from wheelyard.domain.events import silent
from wheelyard.store.blobs import Store
from wheelyard.toolchain.container import ContainerToolchain


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def build(store: Store) -> BuildAll:
    """Build units in their containers, as the main job does."""

    def build_(
        toolchain: ContainerToolchain, units: Sequence[BuildUnit], *, limits: Limits | None = None, jobs: int = 2
    ) -> dict[str, BuiltWheel]:
        return dict(
            build_all(
                units,
                store=store,
                toolchain_for=lambda _: toolchain,
                limits=limits or Limits(seconds=600, memory=1 << 30, processes=256),
                jobs=jobs,
                fail_fast=False,
                report=silent,
            )
        )

    return build_
