"""Real installers read the site from the disk; from web servers they do in tests/serve."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.installers import CLIENTS, Client, install, installed
from tests.support.shop import Shop, folder
from wheelyard.domain.site import Site

pytestmark = pytest.mark.network  # pip's old versions are downloaded once


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = Shop(tmp_path_factory.mktemp("shop"))
    alpha, beta = made.entry("Alpha.Pkg", requires=["beta>=1"]), made.entry("beta")
    local = made.entry("beta", "1.0+openblas.v3")
    newer = made.entry("beta", "2.0", requires_python=">=3.99")
    taken_back = made.entry("beta", "1.5", yanked='<b>broken</b> & "bad"')
    el9, v3 = folder("el9", [alpha, beta]), folder("el9.v3", [alpha, local], variant="v3")
    made.publish(Site(folders=(el9, v3), extra=(newer, taken_back)))
    return made


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.pip)
def test_a_target_folder_installs_with_hashes_required(shop: Shop, client: Client, tmp_path: Path) -> None:
    place = shop.into / "targets" / "el9"
    result = install(
        client,
        tmp_path / "t",
        "--no-index",
        "-f",
        str(place),
        "--require-hashes",
        "-r",
        str(place / "requirements.txt"),
    )
    assert result.returncode == 0, result.stdout
    assert installed(tmp_path / "t") == {"Alpha.Pkg-1.0", "beta-1.0"}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.pip)
def test_the_index_installs_from_a_file_url(shop: Shop, client: Client, tmp_path: Path) -> None:
    index = (shop.into / "simple").as_uri()
    result = install(client, tmp_path / "t", "--index-url", index, "alpha-pkg")
    assert result.returncode == 0, result.stdout
    # Of beta, 2.0 wants a newer Python and 1.5 is yanked, which pip 9.0.3 does not know yet.
    wanted = {"beta-1.5"} if client.pip == "9.0.3" else {"beta-1.0"}
    assert installed(tmp_path / "t") == {"Alpha.Pkg-1.0"} | wanted


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.pip)
def test_the_index_installs_a_lock_from_a_file_url(shop: Shop, client: Client, tmp_path: Path) -> None:
    index = (shop.into / "simple").as_uri()
    lock = str(shop.into / "targets" / "el9" / "requirements.txt")
    result = install(client, tmp_path / "t", "--index-url", index, "--require-hashes", "-r", lock)
    assert result.returncode == 0, result.stdout
    assert installed(tmp_path / "t") == {"Alpha.Pkg-1.0", "beta-1.0"}


@pytest.mark.parametrize("client", CLIENTS[::4], ids=lambda client: client.pip)
def test_the_index_of_a_variant_installs_it(shop: Shop, client: Client, tmp_path: Path) -> None:
    place = shop.into / "targets" / "el9.v3"
    index = (place / "simple").as_uri()
    lock = str(place / "requirements.txt")
    result = install(client, tmp_path / "t", "--index-url", index, "--require-hashes", "-r", lock)
    assert result.returncode == 0, result.stdout
    assert installed(tmp_path / "t") == {"Alpha.Pkg-1.0", "beta-1.0+openblas.v3"}


def test_a_copy_of_one_target_folder_installs_with_hashes(shop: Shop, tmp_path: Path) -> None:
    """An older layout linked to ``../../files/``: pip prefers a link with a right hash, so a copied folder failed."""
    import shutil

    copied = tmp_path / "stick"
    shutil.copytree(shop.into / "targets" / "el9", copied)
    lock = ["--require-hashes", "-r", str(copied / "requirements.txt")]
    result = install(CLIENTS[4], tmp_path / "t", "--no-index", "-f", str(copied), *lock)
    assert result.returncode == 0, result.stdout
    assert installed(tmp_path / "t") == {"Alpha.Pkg-1.0", "beta-1.0"}
