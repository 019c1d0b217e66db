"""A third axis: all that the house has to be told of it is in this file."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import pytest
from msgspec import Meta

import wheelyard
from tests.support.sdists import sdist
from tests.support.yard import TARGET, Yard
from wheelyard.config.schema import Document
from wheelyard.domain.build import BuildUnit
from wheelyard.domain.errors import ConfigError, VariantError
from wheelyard.domain.proof import Finding, Probe
from wheelyard.domain.repaired import Repaired
from wheelyard.domain.variant import VariantProperty
from wheelyard.host.choice import choose
from wheelyard.host.machine import this_host
from wheelyard.host.manifest import load_manifest
from wheelyard.report import papers
from wheelyard.schema.describe import json_schema, markdown
from wheelyard.schema.tables import Table, Text
from wheelyard.stages.main_job import BuildOutcome
from wheelyard.store.blobs import Store
from wheelyard.variants.axes import AXES
from wheelyard.variants.axes.protocol import Axis, Building, Choice, Contribution, Linked, Rebuilt
from wheelyard.variants.settings import SettingsTable, settings_of

pytestmark = pytest.mark.slow

INSIDE = """
import importlib, json, sys
print(json.dumps([importlib.import_module(name).COLOUR for name in sys.argv[2:]]))
"""


class ColourKeys(Table, frozen=True):
    """The key of a colour in `[[variant]]`."""

    colour: Annotated[
        Text | tuple[Text, ...] | None, Meta(description="what it is painted with", examples=["blue"])
    ] = None


class ColourRecipeKeys(Table, frozen=True):
    """The key of a colour in `[[recipe]]`."""

    colour: Annotated[SettingsTable | None, Meta(description="what a colour adds to its build")] = None


class Colour(Axis[ColourKeys, ColourRecipeKeys]):
    """What a package is painted with."""

    name = "colour"
    keys = ColourKeys
    recipe_keys = ColourRecipeKeys

    def contribute(self, choice: Choice, building: Building[ColourRecipeKeys]) -> Contribution:
        settings = settings_of(building.said.colour)
        if "colour" not in choice or settings is None:
            return Contribution()
        return Contribution(settings=(settings,), words={"colour": choice["colour"]})

    def check(
        self, unit: BuildUnit, wheel: Path, scratch: Path, *, said: ColourRecipeKeys, linked: Sequence[Linked] = ()
    ) -> None:
        asked = unit.recipe.variant.get("colour")
        with zipfile.ZipFile(wheel) as archive:
            if asked and f"COLOUR = {asked!r}" not in archive.read("app.py").decode():
                raise VariantError(f"it is not {asked}", where=unit.package.name, hint="paint it")

    def record(self, unit: BuildUnit, repaired: Repaired, texts: Sequence[str]) -> Mapping[str, object]:
        return {"coats": 2}

    def probe(self, choice: Choice, rebuilt: Sequence[Rebuilt[ColourRecipeKeys]]) -> Probe | None:
        asked = choice.get("colour")

        def judge(answers: Sequence[Any], home: Path) -> Finding:
            assert home.is_dir()
            faults = [f"it is {each} inside" for answer in answers for each in answer if each != asked]
            return Finding(faults=tuple(faults), words=f"painted {asked}")

        modules = [name for package in rebuilt for name in package.modules]
        inside = {"inside_colour.py": INSIDE.encode()}
        return Probe(
            name="colour",
            script="inside_colour.py",
            files=inside,
            arguments=tuple(modules),
            judge=judge,
            facts=(asked,),
        )

    def need(self, choice: Choice) -> str | None:
        return choice.get("colour")

    def describe(self, need: str) -> str:
        return f"eyes for {need}"

    def properties(self, choice: Choice) -> tuple[VariantProperty, ...]:
        value = choice.get("colour")
        if value is None:
            return ()
        return (VariantProperty(namespace="paint", feature="colour", value=value, provider="paint-provider"),)


VARIANTS = """
[[variant]]
name = "painted"
packages = ["app"]
colour = ["blue", "red"]

[[recipe]]
package = "app"
system = "setuptools"
colour.environment = { PAINT = "{colour}" }
"""
PAINT = """
with open("app.py", "a") as stream:
    stream.write("COLOUR = %r\\n" % os.environ.get("PAINT"))
"""
BLUE, RED = f"{TARGET}.painted-baseline-blue", f"{TARGET}.painted-baseline-red"


@pytest.fixture(autouse=True)
def axis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AXES, "colour", Colour())


def build(yard: Yard, monkeypatch: pytest.MonkeyPatch, *, paint: str = PAINT) -> BuildOutcome:
    """Build what asks for paint, in this very process: only here is the axis known."""
    sdist(yard.shop, "app", more=paint, app__py="pass\n")
    for name, value in yard.environment.items():
        monkeypatch.setenv(name, value)
    yard.write("app\n")
    place = yard.root / "wheelyard.toml"
    place.write_text(f"variant-wheels = true\n{place.read_text()}{VARIANTS}")
    return wheelyard.build(wheelyard.load_config(place), store=Store(yard.root / "cache"))


def test_a_wheelhouse_of_a_third_axis(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = build(yard, monkeypatch)
    assert not outcome.withheld, outcome.withheld
    folders = {folder.name: folder for folder in outcome.folders}
    assert list(folders) == [TARGET, BLUE, RED]

    # Built, recorded and proven.
    (wheel,) = (yard.wheelhouse / "targets" / BLUE).glob("app-*.whl")
    assert wheel.name == "app-1.0+blue-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        assert "COLOUR = 'blue'" in archive.read("app.py").decode()
        note = json.loads(archive.read("app-1.0+blue.dist-info/wheelyard.json"))
    assert (note["variant"], note["colour"]) == ({"simd": "baseline", "colour": "blue"}, {"coats": 2})
    assert folders[BLUE].proof.outcome == "proven"
    assert folders[BLUE].proof.reason.endswith("; painted blue")

    # A host that does not know the need takes the baseline.
    targets = list(load_manifest((yard.wheelhouse / "manifest.json").read_bytes()).targets)
    assert [target.needs for target in targets] == [{}, {"colour": "blue"}, {"colour": "red"}]
    chosen = choose(targets, this_host(), "auto")
    assert chosen.target.folder == TARGET
    assert f"{BLUE}: needs colour blue, of which this installer knows nothing" in chosen.reasons
    assert "needs eyes for blue" in (yard.wheelhouse / "targets" / BLUE / "index.html").read_text()

    # An installer that knows labels asks its provider.
    table = json.loads((yard.wheelhouse / "targets" / f"{TARGET}.variants" / "app-1.0-variants.json").read_text())
    assert table["providers"]["paint"] == {"requires": ["paint-provider"]}
    assert table["variants"]["blue"]["paint"] == {"colour": ["blue"]}

    papers.write(yard.wheelhouse)
    sbom = json.loads((yard.wheelhouse / "sbom.cdx.json").read_text())
    told = {
        (component["version"], each["value"])
        for component in sbom["components"]
        for each in component["properties"]
        if each["name"] == "wheelyard:colour"
    }
    assert told >= {("1.0+blue", "blue"), ("1.0+red", "red")}


def test_what_is_not_as_chosen_is_withheld(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its wheels are blue, and lose their colour where they are imported.
    blue = PAINT.replace('os.environ.get("PAINT")', '"blue"').replace('\\n"', '\\nCOLOUR = None\\n"')
    outcome = build(yard, monkeypatch, paint=blue)
    assert {name: error.message.partition(" [log")[0] for name, (error,) in outcome.withheld.items()} == {
        BLUE: "it is None inside",
        RED: "it is not red",
    }


def test_its_keys_are_keys_of_the_configuration(tmp_path: Path) -> None:
    place = tmp_path / "wheelyard.toml"
    (tmp_path / "requirements.in").write_text("app\n")

    def variants(text: str) -> list[tuple[str, str, Mapping[str, str]]]:
        place.write_text(f'requirements = ["requirements.in"]\n{text}')
        return [
            (variant.name, variant.local_version, variant.choice) for variant in wheelyard.load_config(place).variants
        ]

    both = '[[variant]]\npackages = ["app"]\nsimd = "x86-64-v3"\ncolour = "blue"\n'
    assert variants(both) == [("v3-blue", "v3.blue", {"simd": "x86-64-v3", "colour": "blue"})]
    with pytest.raises(ConfigError, match="found the number 3"):
        variants(both.replace('"blue"', "3"))
    with pytest.raises(ConfigError, match="did you mean 'colour'"):
        variants(both.replace("colour", "color"))
    with pytest.raises(ConfigError, match="the list names something twice"):
        variants(both.replace('"blue"', '["blue", "blue"]'))
    with pytest.raises(ConfigError, match="chooses nothing") as caught:
        variants('[[variant]]\nname = "empty"\npackages = ["app"]\n')
    assert caught.value.hint == 'give it blas = "…" or simd = "…" or colour = "…"'
    definitions: Any = json_schema(Document, title="x")["$defs"]
    assert definitions["VariantTable"]["properties"]["colour"]["description"] == "what it is painted with"
    assert '| `colour` | what it is painted with |  | `"blue"` |' in markdown(Document)
    assert "SettingsTable" in json.dumps(definitions["RecipeTable"]["properties"]["colour"])
