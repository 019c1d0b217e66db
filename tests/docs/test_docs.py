"""Documentation that cannot rot: its tables, examples and commands are compared with the code."""

import inspect
import re
from pathlib import Path

import pytest
import typer.main

from wheelyard.cli.main import load_commands
from wheelyard.config.load import load
from wheelyard.domain import errors

ROOT = Path(__file__).parents[2]
_FROM_TESTS = re.compile(r"\s*(from|import) tests\.(?!support\b|faults\b|tried\b|data\.locks\b)")
"""``tests/faults``, ``tests/tried`` and the maker of ``tests/data/locks`` are programs of their own (``make faults``),
whose modules name each other."""
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def test_the_table_of_exit_codes_is_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    classes = {
        (str(kind.exit_code), name)
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.WheelyardError) and kind is not errors.Failures
    }
    assert set(rows) == classes


def test_the_configuration_shown_is_accepted(tmp_path: Path) -> None:
    text = "\n".join(blocks(ROOT / "docs/configuration.md", "toml"))
    first, rest = text.split("[[target]]", 1)
    targets = "[[target]]" + rest
    carried = "cpython-3.12-x86_64-linux-install_only.tar.gz"
    for name in ("requirements.in", "constraints.txt", "patches/numpy.patch", "checks/numpy.py", carried):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("# nothing\n" if name != "requirements.in" else "numpy\n")
    configuration = tmp_path / "wheelyard.toml"
    configuration.write_text(first)
    assert [target.name for target in load(configuration).targets] == ["el8", "el9-py311"]
    interpreter = re.sub(r"^interpreter.*\n", "", targets, flags=re.MULTILINE)
    configuration.write_text(re.sub(r"^targets = .*\n", "", first, flags=re.MULTILINE) + interpreter)
    (target,) = load(configuration).targets
    assert (target.name, target.pip) == ("workstations", "21.2.3")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_shown_exists(page: Path) -> None:
    known = set(typer.main.get_command(load_commands()).commands)  # type: ignore[attr-defined]  # it is a group
    shown = re.findall(r"\bwheelyard ([a-z]+)\b", "\n".join(blocks(page, "console")))
    assert set(shown) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_shown_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?\bmake ([a-z-]+)`", page.read_text())) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_every_test_that_is_named_exists() -> None:
    code = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    written = set(re.findall(r"^\s*def (test_\w+)\(", code, re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text())}
    assert len(named) > 20
    assert named <= written


def test_decisions_are_one_sequence_with_a_status_and_what_else_was_considered() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(page for page in folder.glob("*.md") if page.name != "index.md")
    listed = (folder / "index.md").read_text()
    for number, page in enumerate(pages, 1):
        title, _, text = page.read_text().partition("\n")
        assert page.name.startswith(f"{number:04d}-"), f"{page.name}: the next number is {number:04d}"
        assert title.startswith(f"# {number}. "), page.name
        assert re.search(r"^Status: .", text, re.MULTILINE), page.name
        assert re.search(r"^Considered: .", text, re.MULTILINE), page.name
        assert f"| {number} | [{title.partition('. ')[2]}]({page.name}) |" in listed, page.name


def test_tests_find_their_helpers_in_one_folder() -> None:
    paths = (path for path in (ROOT / "tests").rglob("*.py") if "data" not in path.parts)
    found = [f"{path}: {line}" for path in paths for line in path.read_text().splitlines() if _FROM_TESTS.match(line)]
    assert not found, "helpers of tests lie in tests/support"
