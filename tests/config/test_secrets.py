"""No secret of a URL is shown, logged or written, however wrong the line is that it stands in."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.configurations import errors, requirements, toml
from wheelyard.cli.main import main
from wheelyard.config.load import load
from wheelyard.domain.errors import UpstreamError, WheelyardError
from wheelyard.domain.redact import hide, hide_line
from wheelyard.io.process import run
from wheelyard.io.urls import redact

SECRET = "s3cr3t"
URLS = [
    f"https://me:{SECRET}@host.example/simple",
    f"https://{SECRET}@host.example/simple",
    f"https://me:a/{SECRET}@host.example/simple",
    f"https://me:a@{SECRET}@host.example/simple",
    f"https://me:a#{SECRET}@host.example/simple",
    f"https://me:a?{SECRET}@host.example/simple",
    f"https://me:a'{SECRET}@host.example/simple",
    f"https://me:%2F{SECRET}@host.example/simple",
    f"https://me:1/{SECRET}@[host.example/simple",
    f"me:{SECRET}@host.example/simple",
    f"me:a/{SECRET}@host.example/simple/x-1.0.tar.gz",
    f"https%3A%2F%2Fme%3A{SECRET}%40host.example",
    f"https://host.example/simple?token={SECRET}",
    f"https://host.example/x-1.0.tar.gz?X-Amz-Signature={SECRET}&X-Amz-Date=1",
    f"https://host.example/simple#token={SECRET}",
    f"git+https://me:{SECRET}@host.example/x.git@main",
    f"gopher://me:{SECRET}@host.example/",
]


@pytest.mark.parametrize("url", URLS)
def test_a_url_in_any_text(url: str, tmp_path: Path) -> None:
    for text in (url, f"x @ {url} ; marker", f"'{url}'", f'{{"url": "{url}"}}'):
        assert SECRET not in hide(text)
        assert hide(hide(text)) == hide(text)
    assert SECRET not in redact(url)
    error = UpstreamError(url, where=url, hint=url)
    assert SECRET not in f"{error} {error.message} {error.where} {error.hint} {error!r}"
    log = tmp_path / "log"
    run([sys.executable, "-c", "", url], log=log)
    assert SECRET not in log.read_text()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("git+https://host.example/team/x.git@main", "git+https://host.example/team/x.git@main"),
        (f"git+https://me:{SECRET}@host.example/x.git@v1.0", "git+https://****@host.example/x.git@v1.0"),
        (f"git+https://{SECRET}/y@host.example/x.git@v1.0", "git+https://****@host.example/x.git@v1.0"),
        (f"git+https://{SECRET}/y@host.example/x.git", "git+https://****@host.example/x.git"),
    ],
)
def test_a_repository_keeps_its_host_and_branch(url: str, shown: str) -> None:
    for text in ("{}", "x @ {} ; marker", "'{}'", "run.txt:1: {}: is from version control"):
        assert hide(text.format(url)) == text.format(shown)
        assert hide_line(text.format(url)) == text.format(shown)
        assert hide(text.format(shown)) == text.format(shown)


def test_what_is_no_secret_stays() -> None:
    digest = "a" * 64
    for text in (
        f"https://host.example/a-1.0.whl#sha256={digest}",
        "quay.example/image:tag@sha256:0123",
        "file:///srv/a@b/c.whl",
        "name[extra] @ https://host.example/name-1.0.tar.gz ; python_version < '3.9'",
        "did you mean numpy? (see a@b.example)",
    ):
        assert hide(text) == text
    assert hide_line(f"x @ https://me:a {SECRET}@host.example/") == "x @ https://****@host.example/"


LINES = [
    *("{}", "x @ {}", "x=={}", "-i {}", "-i{}", "--extra-index-url={}", "--index-url{}", "-i a {}", "-e {}", "-r {}"),
    *("-f {}", "{} ; nonsense", "x --hash={}", "x --hash={}:1", "x @ {} --hsah=1", "--trusted-host {}", "x '{}"),
]


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_lines_that_are_wrong(more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.format(url) for line in LINES for url in URLS]
    (tmp_path / "r.txt").write_text("\n".join([*lines, "not a requirement"]))
    assert main(["lock", str(tmp_path / "r.txt"), *more]) == 3
    told = capsys.readouterr()
    shown = (told.out + told.err).splitlines()
    assert len(shown) > len(lines) / 2, "nearly every line is wrong, and is said to be"
    assert f"r.txt:{len(lines) + 1}" in shown[-1]
    assert [line for line in shown if SECRET in line] == []


@pytest.mark.parametrize(
    "text",
    ['[[index]]\nname = "a"\nurl = "{}"', '[[index]]\nname = "a"\nurl = "{}"\nkind = "find-links"',
     '[[target]]\nsdk = "{}"', 'resolver = "{}"', 'url = "{}"', 'jobs = "{}"', 'requirements = ["{}"]'],
)  # fmt: skip
def test_keys_that_are_wrong(text: str, tmp_path: Path) -> None:
    for url in URLS:
        with pytest.raises(WheelyardError) as caught:
            toml(tmp_path, "wrong = 1\n" + text.format(url) + "\n")
        assert SECRET not in "".join(map(str, errors(caught)))


def test_what_the_environment_put_in_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", SECRET)
    with pytest.raises(WheelyardError) as caught:
        requirements(tmp_path, "./${TOKEN}/x\n")
    assert SECRET not in str(caught.value)
    assert "${TOKEN}" in str(caught.value)


def test_a_token_behind_an_index_has_better_places(tmp_path: Path) -> None:
    with pytest.raises(WheelyardError, match="netrc") as caught:
        toml(tmp_path, f'[[index]]\nname = "a"\nurl = "https://host.example/simple?token={SECRET}"\n')
    assert "keyring" in str(caught.value)
    assert "${TOKEN}" in str(caught.value)
    with pytest.raises(WheelyardError, match="write / as %2F"):
        requirements(tmp_path, f"-i https://me:a/{SECRET}@host.example/simple\n")


def test_the_query_of_a_url_is_kept_apart(tmp_path: Path) -> None:
    config = requirements(tmp_path, f"x @ https://host.example/x-1.0.tar.gz?token={SECRET}\n")
    assert config.queries == {"https://host.example/x-1.0.tar.gz?": f"token={SECRET}"}
    assert SECRET not in repr(config)
    assert SECRET not in json.dumps([(requirement.text, requirement.direct) for requirement in config.requirements])
    assert load(config.path) == config
