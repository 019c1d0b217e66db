"""The commands, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.support.signed_wheelhouses import house, key, public
from wheelyard.cli import check, diff, import_, pack, rollback
from wheelyard.domain.errors import WheelyardError


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer(pretty_exceptions_enable=False)
    for module in (pack, import_, check, diff, rollback):
        module.register(made)
    return made


def run(app: typer.Typer, *arguments: str | Path) -> str:
    done = CliRunner().invoke(
        app, [str(argument) for argument in arguments], catch_exceptions=False, standalone_mode=False
    )
    return done.stdout + f"[{done.return_value}]"


def test_from_wheelhouse_to_rollback(app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.chdir(tmp_path)
    house(tmp_path / "wheelhouse")
    assert run(app, "pack", "--key", key(), "-q", "--to", "one.tar") == "[0]"
    assert "published" in run(app, "import", "one.tar", "--into", "www", "--trust", public())
    house(tmp_path / "wheelhouse", alpha="1.1")
    out = run(app, "pack", "--key", key(), "--since", "one.tar")
    delta = out.split()[0]
    assert delta.endswith("-delta.tar")
    assert "published" in run(app, "import", delta, "--into", "www")
    assert "the signature is good\n[0]" in run(app, "check", "www")
    text = run(app, "diff", "one.tar", "www")
    assert "updated  alpha  1.0 -> 1.1" in text
    facts = json.loads(run(app, "diff", "one.tar", "wheelhouse", "--json").removesuffix("[0]"))
    assert [change["name"] for change in facts["packages"]] == ["alpha"]
    assert "000003-" in run(app, "rollback", "www")
    assert run(app, "generations", "www").count("published") == 1
    kept = run(app, "generations", "www", "--keep", "1")
    assert "removed 000003" not in kept  # it is published
    assert "000003-" in kept
    (tmp_path / "www/current/index.html").unlink()
    assert "missing: index.html" in run(app, "check", "www")
    assert "[7]" in run(app, "check", "www")
    assert "healed: index.html" in run(app, "check", "www", "--repair", "one.tar")


def test_expiry_is_a_date_or_days(app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")  # 2026-01-01
    house(tmp_path / "wheelhouse")
    run(app, "pack", "--key", key(), "--expires", "30d", "--to", "b.tar")
    found = json.loads((tmp_path / "wheelhouse/manifest.json").read_text())
    assert (found["created"], found["expires"]) == ("2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z")
    with pytest.raises(WheelyardError, match="not a date"):
        run(app, "pack", "--expires", "soon")


@pytest.mark.parametrize(("text", "size"), [("700M", 700_000_000), ("4GiB", 4 << 30), ("123", 123), ("1.5kB", 1500)])
def test_sizes(text: str, size: int) -> None:
    assert pack.bytes_of(text) == size


def test_a_refusal_has_a_name_and_a_hint_that_is_an_option(app: typer.Typer, tmp_path: Path) -> None:
    house(tmp_path / "w")
    run(app, "pack", tmp_path / "w", "--to", tmp_path / "b.tar")
    with pytest.raises(WheelyardError, match=r"\[unsigned\].*--allow-unsigned"):
        run(app, "import", tmp_path / "b.tar", "--into", tmp_path / "www")
    assert "published" in run(app, "import", tmp_path / "b.tar", "--into", tmp_path / "www", "--allow-unsigned")
