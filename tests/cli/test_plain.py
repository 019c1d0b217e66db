"""Nothing that comes from elsewhere steers the terminal: through no reporter, error, JSON or program of the host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.packages import make_wheel
from tests.support.pythons import need
from tests.support.sdists import sdist
from tests.support.signed_wheelhouses import house
from tests.support.yard import Yard
from wheelyard.bundle.single import import_py
from wheelyard.cli.main import show_error
from wheelyard.cli.output import say_json
from wheelyard.cli.reporters import reporter
from wheelyard.domain.errors import BuildError
from wheelyard.domain.events import JobFinished, JobStarted, StageStarted, Warned
from wheelyard.host.plain import plain_text

CLIPBOARD = "\x1b]52;c;ZXZpbA==\x07"
LINK = "\x1b]8;;https://example.org\x1b\\here\x1b]8;;\x1b\\"
CLEAR = "\x1b[2J\x1bc"
HOSTILE = f"a{CLIPBOARD}b{LINK}c{CLEAR}d\x9b2Je\x7ff\u202eg\u200bh\ud800i\r[bold red]:bug:"
MEANT = ("\\x1b]52;c;", "\\x9b2J", "\\x7f", "\\u202e", "\\u200b", "\\ud800", "[bold red]:bug:")


def harmless(text: str) -> bool:
    return all(each in "\n\t" or unicodedata.category(each) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for each in text)


@given(st.text())
def test_any_text_is_harmless_afterwards_and_stays_as_it_is_then(text: str) -> None:
    plain = plain_text(text)
    assert harmless(plain)
    assert plain_text(plain) == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Größe\u00a0in kB: 日本語 ✓\n\tnext\r\nlast", "Größe\u00a0in kB: 日本語 ✓\n\tnext\nlast"),
        ("\x1b[01m\x1b[Kdemo.c:1:\x1b[m\x1b[K \x1b[01;31merror\x1b[m", "demo.c:1: error"),
        ("\x1b[\x1b[31m2J", "\\x1b[2J"),
        ("50 %\rdone", "50 %\\rdone"),
    ],
)
def test_what_people_write_stays_and_colours_go(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("terminal", ["", "1"])
def test_every_reporter_gets_clean_texts(
    as_json: bool, terminal: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", terminal)
    monkeypatch.setenv("COLUMNS", "400")
    with reporter(quiet=False, as_json_lines=as_json) as report:
        report(StageStarted(stage="build", jobs=1))
        report(JobStarted(stage="build", job=HOSTILE, target=HOSTILE))
        report(
            JobFinished(stage="build", job=HOSTILE, target=HOSTILE, outcome="failed", note=f"{HOSTILE}\nforged: done")
        )
        report(Warned(message=HOSTILE))
    out, err = capsys.readouterr()
    text = out + err
    for character in "\x07\x9b\x7f\u202e\u200b\ud800":
        assert character not in text
    for dangerous in ("\x1b]", "\x1bc", "\x1b[2J", "\nforged"):
        assert dangerous not in text
    if as_json:
        notes = [json.loads(line).get("note") for line in out.splitlines()]
        text = notes[2]
        assert harmless(text)
    for word in MEANT:
        assert word in text


@pytest.mark.parametrize("as_json", [False, True])
def test_an_error_is_clean(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    show_error(BuildError(HOSTILE, where=HOSTILE, hint=HOSTILE), as_json_lines=as_json)
    out, err = capsys.readouterr()
    assert harmless(out + err)
    if as_json:
        assert harmless("".join(str(value) for value in json.loads(out).values()))


def test_so_are_summaries(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"names": [HOSTILE], HOSTILE: {"deep": (HOSTILE, 1)}})
    found = json.loads(capsys.readouterr().out)
    assert harmless("".join(found["names"]))
    assert found[plain_text(HOSTILE)]["deep"] == [plain_text(HOSTILE), 1]


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_build_that_writes_to_the_terminal(yard: Yard, arguments: list[str]) -> None:
    hostile = HOSTILE.replace("\ud800", "")
    more = f"def build_wheel(*given): print({hostile!r}); raise SystemExit({hostile!r})\n"
    sdist(
        yard.shop, "late", late__py="", more=more, **{"PKG-INFO": "Metadata-Version: 2.2\nName: late\nVersion: 1.0\n"}
    )
    yard.write("late\n")
    done = yard.run("build", *arguments)
    assert done.code == 8, done.out + done.err
    assert "[bold red]:bug:" in done.out + done.err
    assert harmless(done.out + done.err)
    if arguments:
        assert harmless("".join(json.loads(done.out.splitlines()[-1])["message"]))


def test_an_index_that_writes_to_the_terminal(yard: Yard) -> None:
    wheel = make_wheel(yard.shop, "late", "1.0")
    yard.index.yanked = {wheel.name: HOSTILE.replace("\ud800", "").replace("\r", "")}
    yard.write("late==1.0\n")
    yard.run("lock")
    for arguments in ([], ["--json"]):
        done = yard.run("why", "late", *arguments)
        assert "yanked upstream: a\\x1b]52;c;" in done.out.replace("\\\\", "\\"), done.err
        assert harmless(done.out + done.err)


@pytest.mark.parametrize("version", ["3.6", "3.11"])
def test_the_hosts_programs_are_as_careful(version: str, tmp_path: Path) -> None:
    house(tmp_path / "w")
    (tmp_path / "w" / f"files/x{CLIPBOARD}\udcff.whl").write_text("")
    (tmp_path / "import.py").write_text(import_py())
    command = [need(version), "-E", "-S", str(tmp_path / "import.py"), "--check", "--into", str(tmp_path / "w")]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 7, done.stderr
    assert b"extra-file: files/x\\x1b]52;c;ZXZpbA==\\x07" in done.stdout
    assert harmless(done.stdout.decode())


def test_so_is_check(tmp_path: Path) -> None:
    house(tmp_path / "w")
    (tmp_path / "w" / f"files/x{CLIPBOARD}\udcff.whl").write_text("")
    for arguments in ([], ["--json"]):
        command = [sys.executable, "-m", "wheelyard", "check", str(tmp_path / "w"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 7, done.stderr
        assert harmless(done.stdout)
        assert "ZXZpbA==" in done.stdout
