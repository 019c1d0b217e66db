"""Two targets that get the same wheel."""

from __future__ import annotations

from tests.support.pythons import need
from tests.support.yard import Yard, bundled_pip

PYTHONS = ("3.9", "3.12")


def write(yard: Yard, requirements: str) -> None:
    pip = bundled_pip().name.split("-")[1]
    tables = "".join(
        f'[[target]]\nname = "py{each.replace(".", "")}"\npython = "{each}"\npip = "{pip}"\n'
        f'interpreter = "{need(each)}"\nplatform = "manylinux_2_36_x86_64"\n'
        for each in PYTHONS
    )
    (yard.root / "requirements.in").write_text(requirements)
    (yard.root / "wheelyard.toml").write_text(f'requirements = ["requirements.in"]\n{tables}')


def wheels(yard: Yard, target: str) -> list[str]:
    return sorted(path.name for path in (yard.wheelhouse / "targets" / target).glob("*.whl"))
