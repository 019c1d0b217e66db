"""What holds for every test: under CI a test that skips fails the run, unless ``allowed-skips.txt`` lets it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.skips import Allowed, not_allowed

ALLOWED = Path(__file__).with_name("allowed-skips.txt")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI that skipped what it should not; elsewhere a machine may lack things."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or terminal is None or hasattr(session.config, "workerinput"):
        return
    allowed = Allowed.read(ALLOWED)
    wrong = not_allowed(((each.nodeid, str(each.longrepr[2])) for each in terminal.stats.get("skipped", ())), allowed)
    for nodeid, reason in wrong:
        terminal.write_line(f"\nSKIPPED, and {ALLOWED.name} does not let it: {nodeid}: {reason}", red=True)
    if wrong and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
