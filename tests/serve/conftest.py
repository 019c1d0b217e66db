from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shop import Shop, folder
from tests.support.web_servers import KINDS, Served, serving
from wheelyard.domain.site import Site


@pytest.fixture(scope="session")
def published() -> Iterator[Path]:
    """A wheelhouse where the user of a web server can read it, which pytest's own folders are not."""
    with tempfile.TemporaryDirectory(prefix="wheelyard-served-") as name:
        Path(name).chmod(0o755)
        shop = Shop(Path(name))
        alpha, beta = shop.entry("Alpha.Pkg", requires=["beta>=1"]), shop.entry("beta")
        local = shop.entry("beta", "1.0+openblas.v3")
        many = [shop.entry("many", f"1.{number}") for number in range(30)]
        newer = shop.entry("beta", "2.0", requires_python=">=3.99")
        shop.publish(
            Site(
                folders=(folder("el9", [alpha, beta]), folder("el9.v3", [alpha, local], variant="v3")),
                extra=(newer, *many),
            )
        )
        (shop.into / "files" / ".secret").write_text("secret")
        yield shop.into


@pytest.fixture(scope="session", params=KINDS)
def served(request: pytest.FixtureRequest, published: Path) -> Iterator[Served]:
    scratch = Path(tempfile.mkdtemp(prefix="wheelyard-server-"))
    scratch.chmod(0o755)
    try:
        with serving(request.param, published, scratch) as url:
            yield Served(request.param, url, published)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
