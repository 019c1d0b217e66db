"""One declaration of ``wheelyard.toml``: what is read, what editors are told and what the reference page says agree."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from wheelyard.config.schema import Document
from wheelyard.schema.describe import json_schema, markdown
from wheelyard.schema.location import Location
from wheelyard.schema.problems import Problems
from wheelyard.schema.read import read

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "keys.md"
FILES = sorted(ROOT.glob("examples/**/wheelyard.toml"))


def problems_of(data: dict[str, Any]) -> list[str]:
    problems = Problems()
    read(Document, data, Location(file=Path("wheelyard.toml"), problems=problems))
    return [str(each) for each in problems.found]


def refused(data: dict[str, Any]) -> bool:
    import jsonschema  # parses grammars for seconds: only the worker that needs it does

    schema = json_schema(Document, title="wheelyard.toml")
    return any(jsonschema.Draft202012Validator(schema).iter_errors(data))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_examples_are_what_the_schema_takes(file: Path) -> None:
    data = tomllib.loads(file.read_text())
    assert not refused(data)
    assert problems_of(data) == []


@pytest.mark.parametrize(
    "text",
    [
        "requirementz = []",
        'resolver = "conda"',
        "[build]\njobs = -1",
        "[packages.numpy]\nbuild = 3",
        '[[target]]\npyhton = "3.9"',
        '[[index]]\nname = "no url"',
        '[[variant]]\nblas = "atlas"\npackages = ["numpy"]',
        '[[recipe]]\npackage = "x"\nblas = { flags = [] }',
    ],
)
def test_editor_and_reader_refuse_the_same(text: str) -> None:
    data = tomllib.loads(text)
    assert refused(data)
    assert len(problems_of(data)) == 1


def test_the_page_of_keys_is_the_declaration() -> None:
    _, marker, written = PAGE.read_text().partition("<!-- wheelyard schema --markdown -->\n")
    assert marker
    assert written == markdown(Document), "make docs/keys.md again: `make keys`"


def test_the_schema_is_a_schema() -> None:
    import jsonschema

    done = subprocess.run([sys.executable, "-m", "wheelyard", "schema"], capture_output=True, text=True, check=True)
    schema = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "requirements" in schema["$defs"]["Document"]["properties"]
