"""The user's pip configuration, asked from the real pip."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wheelyard.domain.errors import ConfigError
from wheelyard.upstream.pip_config import configured, interpret

pytest.importorskip("pip")


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty pip.conf that is the only one."""
    import os

    for name in os.environ:
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    path = tmp_path / "pip.conf"
    path.write_text("")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "none"))
    return path


def test_files_and_environment_as_pip_ranks_them(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf.write_text(
        "[global]\n"
        "index-url = https://me:s3cret%40@one.example/simple\n"
        "extra-index-url =\n    https://two.example/simple\n    file:///srv/simple\n"
        "trusted-host = two.example\n    other.example:8080\n"
        "timeout = 7\n"
        "[install]\nproxy = http://proxy.example:3128\n"
    )
    monkeypatch.setenv("PIP_FIND_LINKS", "/srv/wheels https://links.example/")
    monkeypatch.setenv("PIP_TIMEOUT", "99")
    monkeypatch.setenv("PIP_CERT", "/srv/ca.pem")
    settings = configured()
    assert [(index.name, index.url, index.kind, index.trusted) for index in settings.indexes] == [
        ("find-links-1", "/srv/wheels", "find-links", False),
        ("find-links-2", "https://links.example/", "find-links", False),
        ("extra-1", "https://two.example/simple", "simple", True),
        ("extra-2", "file:///srv/simple", "simple", False),
        ("default", "https://one.example/simple", "simple", False),
    ]
    assert settings.secrets == {("https", "one.example", 443): ("me", "s3cret@")}
    assert settings.trusted_hosts == {"two.example", "other.example:8080"}
    assert settings.timeout == 99
    assert settings.proxy == "http://proxy.example:3128"
    assert settings.ca_bundle == Path("/srv/ca.pem")
    assert "s3cret" not in repr(settings)
    assert settings.http().read_timeout == 99


def test_the_default_index_is_pips_own(conf: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    settings = configured(cache)
    (index,) = settings.indexes
    assert index.url.startswith("https://")
    assert index.url.endswith("/simple")
    assert configured(cache) == settings


def test_an_answer_is_remembered_until_a_file_changes(
    conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    conf.write_text("[global]\nno-index = true\n")
    assert configured(cache).indexes == ()
    from wheelyard.upstream import pip_config

    with monkeypatch.context() as patch:
        patch.setattr(pip_config, "run", None)
        assert configured(cache).indexes == ()
    conf.write_text("[global]\nno-index = true\nfind-links = /srv/wheels\n")
    assert [index.url for index in configured(cache).indexes] == ["/srv/wheels"]


def test_a_secret_is_not_remembered_on_disk(conf: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    conf.write_text("[global]\nindex-url = https://me:s3cret@one.example/simple\n")
    assert configured(cache).secrets
    assert not cache.exists()


def test_without_pip_the_environment_is_read(conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PIP_INDEX_URL", "https://one.example/simple")
    assert [index.url for index in configured(python=str(fake)).indexes] == ["https://one.example/simple"]


def test_nonsense_is_told() -> None:
    with pytest.raises(ConfigError, match="timeout"):
        interpret({"timeout": "soon"}, default=None)
    with pytest.raises(ConfigError, match="not a URL") as caught:
        interpret({"index-url": "https://me:s3cret@[bad/simple"}, default=None)
    assert "s3cret" not in str(caught.value)


def test_this_python_has_a_pip() -> None:
    assert sys.executable
    assert isinstance(configured().indexes, tuple)
