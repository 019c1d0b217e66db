"""Real wheels, of many ages and generators, pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wheelyard.wheels.read import read, read_facts

# (requirement, Python, platform, what it brings): distutils-era wheel 0.24, flit, poetry, hatch, maturin, scikit-build,
# meson, bazel, delocate, delvewheel, auditwheel of all ages; folders in the zip, name spaces, no modules at all.
WHEELS = [
    ("six==1.5.2", None, None, "six"),
    ("Django==1.6", None, None, "django"),
    ("wheel==0.24.0", None, None, "wheel"),
    ("pip==9.0.3", None, None, "pip"),
    ("setuptools==40.0.0", None, None, "pkg_resources"),
    ("attrs==17.1.0", None, None, "attr"),
    ("tqdm==4.7.0", None, None, "tqdm"),
    ("flit_core==3.9.0", None, None, "flit_core"),
    ("poetry-core==1.9.0", None, None, "poetry.core"),
    ("hatchling==1.21.0", None, None, "hatchling"),
    ("pdm-backend==2.1.8", None, None, "pdm.backend"),
    ("google-auth==2.28.0", None, None, "google.auth"),
    ("backports.zoneinfo==0.2.1", "3.7", "manylinux1_x86_64", "backports"),
    ("PyYAML==6.0.1", "3.11", "manylinux2014_x86_64", "yaml"),
    ("PyYAML==6.0.1", "3.11", "macosx_11_0_arm64", "yaml"),
    ("cryptography==2.1", "3.6", "manylinux1_x86_64", "cryptography"),
    ("protobuf==3.20.0", "3.9", "manylinux2014_x86_64", "google.protobuf"),
    ("orjson==3.9.15", "3.11", "manylinux2014_x86_64", "orjson"),
    ("numpy==1.13.0", "3.6", "manylinux1_x86_64", "numpy"),
    ("numpy==1.26.4", "3.11", "manylinux2014_x86_64", "numpy"),
    ("contourpy==1.2.0", "3.11", "win_amd64", "contourpy"),
    ("pyzmq==25.1.2", "3.11", "musllinux_1_1_x86_64", "zmq"),
    ("MarkupSafe==2.1.5", "3.8", "win_amd64", "markupsafe"),
    ("ruff==0.3.0", None, "manylinux2014_x86_64", "ruff"),
    ("zope.interface==6.2", "3.11", "manylinux2014_x86_64", "zope.interface"),
]


@pytest.mark.network
@pytest.mark.slow
def test_real_wheels(tmp_path: Path) -> None:
    groups: dict[tuple[str | None, str | None], list[str]] = {}
    for requirement, python, platform, _ in WHEELS:
        groups.setdefault((python, platform), []).append(requirement)
    for (python, platform), requirements in groups.items():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--python-version", python] if python else []
        command += ["--platform", platform] if platform else []
        done = subprocess.run(
            [*command, "--dest", tmp_path, *requirements], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"the index has not all of them: {done.stderr.strip()[-300:]}")
    found = set()
    wheels = sorted(tmp_path.glob("*.whl"))
    for path in wheels:
        facts = read(path)
        assert not facts.remarks, path.name
        found |= set(facts.top_level_modules)
        assert read_facts(path) == facts
    assert len(wheels) == len(WHEELS)
    assert {module for *_, module in WHEELS} <= found
