"""Formats that list requirements are one file each; a damaged one is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.configurations import errors, toml, write
from wheelyard.config import inputs
from wheelyard.config.inputs.gathered import Gathered
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.config.load import load
from wheelyard.config.template import render
from wheelyard.domain.errors import ConfigError, WheelyardError
from wheelyard.domain.requirement import Requirement
from wheelyard.schema.problems import Problems


class OneName:
    """A toy format: a file ``*.name`` has a name."""

    def matches(self, path: Path) -> bool:
        return path.suffix == ".name"

    def read(self, path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
        name = path.read_text().strip()
        if not name.isidentifier():
            problems.add("no name", where=path.relative_to(root).as_posix(), hint="write one")
            return Gathered()
        return Gathered(requirements=[Requirement(text=name, origin=path.name, line=1)])

    def written(self, name: str) -> str:
        return name


def test_a_format_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "FORMATS", (OneName(), *inputs.FORMATS))
    write(tmp_path, good__name="six\n", bad__name="?\n")
    assert [requirement.text for requirement in load(tmp_path / "good.name").requirements] == ["six"]
    assert 'requirements = ["good.name"]' in render([tmp_path / "good.name"], tmp_path)
    with pytest.raises(ConfigError, match="no name"):
        load(tmp_path / "bad.name")


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "Pipfile", "pylock.toml"])
@pytest.mark.parametrize(
    "content", ["", "version = 1\n\n[[package]]\nname = 'six'\n" * 20, "[", "{}", "[[package]]\nname = 3"]
)
def test_a_damaged_file_is_one_error_that_names_it(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(WheelyardError) as caught:
        load(tmp_path / name)
    (error,) = errors(caught)
    assert (error.where or "").startswith(name)
    assert error.hint


@pytest.mark.parametrize("name", ["uv.lock", "Pipfile", "pyproject.toml"])
def test_what_is_no_requirements_file_is_neither_included_nor_a_constraint(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("version = 1\n")
    for written in (f'constraints = ["{name}"]', 'requirements = ["r.in", "more.in"]'):
        (tmp_path / "more.in").write_text(f"-r {name}\n")
        with pytest.raises(WheelyardError) as caught:
            toml(tmp_path, written) if "more" not in written else _load(tmp_path, written)
        (error,) = errors(caught)
        assert f'requirements = ["{name}"]' in (error.hint or "")


def _load(folder: Path, written: str) -> None:
    write(folder, wheelyard__toml=written, r__in="six\n")
    load(folder)


ENVIRONMENT = """\
name: shop
channels: [conda-forge]
dependencies:
  - python=3.11
  - conda-forge::numpy>=1.26
  - libblas=*=*mkl
  - pip
  - pip:
    - flask>=3
    - -r more.txt
"""


def test_an_environment_of_conda_has_its_pip_section_and_lists_the_rest(tmp_path: Path) -> None:
    write(tmp_path, environment__yml=ENVIRONMENT, more__txt="six\n")
    with pytest.raises(WheelyardError) as caught:
        load(tmp_path / "environment.yml")
    (error,) = errors(caught)
    assert error.where == "environment.yml: dependencies"
    assert error.message == "no packages of Python: libblas"
    entry = '{ path = "environment.yml", leave-out = ["libblas"] }'
    assert f"requirements = [{entry}]" in (error.hint or "")
    write(tmp_path, wheelyard__toml=f"requirements = [{entry}]\n")
    config = load(tmp_path)
    assert [(requirement.text, requirement.origin, requirement.line) for requirement in config.requirements] == [
        ("numpy>=1.26", "environment.yml", 5),
        ("flask>=3", "environment.yml", 9),
        ("six", "more.txt", 1),
    ]
    write(tmp_path, environment__yml=ENVIRONMENT.replace("flask>=3", "flask=3"))
    with pytest.raises(WheelyardError) as caught:
        load(tmp_path)
    assert errors(caught)[0].where == "environment.yml:9"
    write(tmp_path, wheelyard__toml=f"requirements = [{entry.replace('libblas', 'libblass')}]\n")
    with pytest.raises(WheelyardError) as caught:
        load(tmp_path)
    assert any("did you mean 'libblas'" in (error.hint or "") for error in errors(caught))


@pytest.mark.parametrize(
    ("spec", "requirement"),
    [
        ("pytorch=2.1", "torch==2.1.*"),
        ("numpy==1.26.4", "numpy==1.26.4"),
        ("numpy=1.26.4=py311h64a7726_0", "numpy==1.26.4"),
        ("numpy 1.26.*", "numpy==1.26.*"),
        ("numpy 1.26.4 py311_0", "numpy==1.26.4"),
        ("numpy >=1.26,<2", "numpy<2,>=1.26"),
        ("conda-forge::pytables", "tables"),
        ("Ruamel.YAML=*", "ruamel-yaml"),
        ("scikit-learn", "scikit-learn"),
        ("python-graphviz!=0.19", "graphviz!=0.19"),
    ],
)
def test_a_package_of_conda_is_what_the_index_calls_it(tmp_path: Path, spec: str, requirement: str) -> None:
    write(tmp_path, environment__yml=f"dependencies:\n- {spec}\n")
    assert [each.text for each in load(tmp_path / "environment.yml").requirements] == [requirement]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("environment.yml", "dependencies:\n- gcc\n- git\n", "no packages of Python: gcc, git"),
        ("environment.yml", "dependencies:\n- our-own\n", "what the index calls these: our-own"),
        ("environment.yml", "dependencies:\n- opencv\n", "yml:2: conda's opencv is one of several on the index: open"),
        ("environment.yml", "dependencies:\n- numpy=1|2\n", "yml:2: no version of PEP 440"),
        ("environment.yml", "dependencies:\n- numpy[version='>1']\n", "yml:2: no version of PEP 440"),
        ("environment.yml", "dependencies:\n- '@'\n", "yml:2: no package: @"),
        ("conda-lock.yml", "version: 1\n", "conda-lock render --kind env"),
        ("pixi.lock", "version: 6\n", "pixi workspace export conda-environment"),
        ("spack.lock", "{}", "name its spack.yaml"),
        ("spack.yaml", "spack: {specs: [$all]}", "spack.yaml:1: a matrix or a named list"),
        ("spack.yaml", "spack: {specs: [{matrix: []}]}", "spack.yaml:1: a matrix or a named list"),
        ("spack.yaml", "spack: {specs: [py-torch+cuda]}", "py-torch is to be built in another way"),
        ("spack.yaml", "spack: {specs: [py-h5py ^mpich]}", "another way, which no wheel of an index is: ^mpich"),
        ("spack.yaml", "spack: {specs: [py-numpy@main]}", "no version of PEP 440: main"),
        ("spack.yaml", "spack: {specs: [openmpi, py-six]}", "no packages of Python: openmpi"),
        ("spack.yaml", "spack: {}", "no list of specs"),
        ("a.eb", "easyblock = 'CMakeMake'", "installs no packages of Python: easyblock is CMakeMake"),
        ("a.eb", "easyblock = 'PythonBundle'\nexts_list = [('six', v())]", "a.eb:2: exts_list: is computed: v()"),
        ("a.eb", "easyblock = 'PythonBundle'\nexts_list = 3", "expected a list"),
        ("a.eb", "easyblock = 'PythonBundle'\nexts_list = ['six']", "no name with its version: six"),
        ("a.eb", "easyblock =", "not understood"),
    ],
)
def test_what_another_package_manager_has_and_no_index(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(WheelyardError) as caught:
        load(tmp_path / name)
    assert any(told in f"{error} {error.hint}" for error in errors(caught))
    assert all(name in (error.where or "") and error.hint for error in errors(caught))


def test_a_list_of_spack(tmp_path: Path) -> None:
    specs = [
        "python@3.11", "py-numpy@1.26", "py-scipy@=1.11.4", "py-pandas@2.0:2.1 %gcc@12 target=zen3", "py-six@:1.16",
        "py-attrs@23:", "py-torch", "cmake",
    ]  # fmt: skip
    entry = '{ path = "spack.yaml", leave-out = ["cmake"] }'
    write(tmp_path, spack__yaml=f"spack:\n  specs: {json.dumps(specs)}\n", wheelyard__toml=f"requirements = {entry}\n")
    assert [each.text for each in load(tmp_path).requirements] == [
        "numpy==1.26.*", "scipy==1.11.4", "pandas<2.2,>=2.0", "six<1.17", "attrs>=23", "torch",
    ]  # fmt: skip


def test_an_easyconfig_is_read_and_not_run(tmp_path: Path) -> None:
    text = f"""\
        easyblock = 'PythonBundle'
        name = 'bundle'
        version = '2024.1'
        open({str(tmp_path / "run")!r}, 'w')
        local_six = '1.16.0'
        toolchain = {{'name': 'GCC', 'version': '12.3.0'}}
        builddependencies = [('CMake', '3.26')]
        dependencies = [('Python', '3.11.3'), ('SciPy-bundle', '2023.07', '', SYSTEM)]
        exts_list = [
            ('six', local_six, {{'checksums': ['ab']}}),
            ('our-tools', version),
            ('named-%(version)s', '%(version)s'),
        ]
        """
    entry = '{ path = "a.eb", leave-out = ["SciPy-bundle"] }'
    write(tmp_path, a__eb=text, wheelyard__toml=f"requirements = {entry}\n")
    assert [each.text for each in load(tmp_path).requirements] == [
        "six==1.16.0", "our-tools==2024.1", "named-2024.1==2024.1",
    ]  # fmt: skip
    assert not (tmp_path / "run").exists()
    with pytest.raises(WheelyardError, match="EasyBuild has its own names") as caught:
        load(tmp_path / "a.eb")
    assert 'leave-out = ["SciPy-bundle"]' in (caught.value.hint or "")
    write(tmp_path, one__eb="easyblock = 'PythonPackage'\nname = 'six'\nversion = '1.17.0'\n")
    assert [each.text for each in load(tmp_path / "one.eb").requirements] == ["six==1.17.0"]


@pytest.mark.parametrize("text", ["", "a: [", "dependencies: 3", "dependencies:\n- pip: flask", "dependencies:\n- [a]"])
def test_a_damaged_environment_of_conda(tmp_path: Path, text: str) -> None:
    (tmp_path / "environment.yaml").write_text(text)
    with pytest.raises(WheelyardError) as caught:
        load(tmp_path / "environment.yaml")
    (error,) = errors(caught)
    assert (error.where or "").startswith("environment.yaml")


def test_setup_cfg(tmp_path: Path) -> None:
    text = "[options]\ninstall_requires =\n    six>=1  # why\n    attrs; python_version<'4'\n"
    text += "[options.extras_require]\nplot =\n    matplotlib\n"
    write(tmp_path, setup__cfg=text, wheelyard__toml='requirements = { path = "setup.cfg", extras = ["plot"] }\n')
    plain = ["six>=1", 'attrs; python_version < "4"']
    assert [requirement.text for requirement in load(tmp_path / "setup.cfg").requirements] == plain
    assert [requirement.text for requirement in load(tmp_path).requirements] == [*plain, "matplotlib"]
    for bad, part in (
        ("[options]\ninstall_requires = file: r.in\n", "is elsewhere: file: r.in"),
        ("[x", "not understood"),
        ("[metadata]\nname=x\n", "no install_requires"),
        ("[options]\ninstall_requires=six=1", "six==1"),
    ):
        write(tmp_path, setup__cfg=bad)
        with pytest.raises(WheelyardError, match=r"setup\.cfg") as caught:
            load(tmp_path / "setup.cfg")
        assert part in str(errors(caught)[0])
    (tmp_path / "setup.py").write_text("raise SystemExit('not run to be read')\n")
    write(tmp_path, wheelyard__toml='requirements = { path = "setup.py", extras = ["plot"] }\n')
    (project,) = load(tmp_path).requirements
    assert (project.direct, project.extras) == (".", ("plot",))


PIPFILE = """\
[packages]
flask = "*"
six = "1.16.0"
numba = { version = ">=0.60", extras = ["tbb"], sys_platform = "== 'linux'", markers = "python_version < '3.13'" }
[dev-packages]
pytest = ">=8"
[docs]
mkdocs = "*"
"""


def test_pipfile(tmp_path: Path) -> None:
    write(
        tmp_path,
        Pipfile=PIPFILE,
        wheelyard__toml='requirements = { path = "Pipfile", groups = ["dev-packages", "docs"] }',
    )
    plain = ["flask", "six==1.16.0", 'numba[tbb]>=0.60; python_version < "3.13" and sys_platform == "linux"']
    assert [requirement.text for requirement in load(tmp_path / "Pipfile").requirements] == plain
    assert [requirement.text for requirement in load(tmp_path).requirements] == [*plain, "pytest>=8", "mkdocs"]
    write(tmp_path, Pipfile='[packages]\nmine = { git = "https://me:secret@git.example/mine", ref = "1" }\n')
    config = load(tmp_path / "Pipfile")
    assert [requirement.text for requirement in config.requirements] == ["mine @ git+https://git.example/mine@1"]
    assert config.credentials == {"https://git.example": ("me", "secret")}
    write(tmp_path, Pipfile='[packages]\nmine = { hg = "https://me:secret@hg.example/mine", ref = "1" }\n')
    with pytest.raises(ConfigError, match=r"Pipfile: \[packages\] mine: comes from version control") as caught:
        load(tmp_path / "Pipfile")
    assert "secret" not in str(caught.value)


_COMMIT = "0123456789" * 4
_PLACE = f"git+https://git.example/mine.git@{_COMMIT}#subdirectory=python"
_REPOSITORIES = {
    "uv.lock": (
        'version = 1\n[[package]]\nname = "mine"\nversion = "1.0"\n'
        'source = { git = "https://git.example/mine.git?subdirectory=python&rev=main#COMMIT" }\n'
    ),
    "poetry.lock": (
        '[[package]]\nname = "mine"\nversion = "1.0"\ngroups = ["main"]\n[package.source]\ntype = "git"\n'
        'url = "https://git.example/mine.git"\nreference = "main"\nresolved_reference = "COMMIT"\n'
        'subdirectory = "python"\n[metadata]\nlock-version = "2.1"\npython-versions = ">=3.9"\n'
    ),
    "pdm.lock": (
        '[metadata]\ngroups = ["default"]\nstrategy = ["inherit_metadata"]\n[[package]]\nname = "mine"\n'
        'version = "1.0"\ngroups = ["default"]\ngit = "https://git.example/mine.git"\nref = "main"\n'
        'revision = "COMMIT"\nsubdirectory = "python"\n'
    ),
    "Pipfile.lock": (
        '{"_meta": {}, "default": {"mine": {"git": "https://git.example/mine.git", "ref": "COMMIT", '
        '"subdirectory": "python"}}}'
    ),
    "pylock.toml": (
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "mine"\n[packages.vcs]\ntype = "git"\n'
        'url = "https://git.example/mine.git"\ncommit-id = "COMMIT"\nsubdirectory = "python"\n'
    ),
}


@pytest.mark.parametrize("name", _REPOSITORIES)
def test_a_lock_s_repository_is_that_of_its_commit(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(_REPOSITORIES[name].replace("COMMIT", _COMMIT))
    (lock,) = load(tmp_path / name).locks
    assert [(package.name, package.direct, package.refused) for package in lock.packages] == [("mine", _PLACE, None)]
    (tmp_path / name).write_text(_REPOSITORIES[name].replace("https:", "ext:").replace("COMMIT", _COMMIT))
    with pytest.raises(ConfigError, match="not the URL of a git repository") as caught:
        load(tmp_path / name)
    assert (caught.value.where or "").startswith(name)


POETRY = """\
[tool.poetry.dependencies]
python = "^3.9"
flask = "^2.1"
six = [{ version = "~1.15", python = "<3.11" }, { version = "^1.16", python = ">=3.11" }]
mpl = { version = ">=3,<4", optional = true, extras = ["all"] }
[tool.poetry.extras]
plot = ["mpl"]
[tool.poetry.group.dev.dependencies]
pytest = "*"
[tool.poetry]
name = "shop"
version = "1.0"
description = ""
authors = []
"""


def test_a_project_of_poetry_s(tmp_path: Path) -> None:
    written = 'requirements = { path = "pyproject.toml", extras = ["plot"], groups = ["dev"] }'
    write(tmp_path, pyproject__toml=POETRY, wheelyard__toml=written)
    plain = ["flask<3.0,>=2.1", 'six<1.16,>=1.15; python_version < "3.11"', 'six<2.0,>=1.16; python_version >= "3.11"']
    assert [requirement.text for requirement in load(tmp_path / "pyproject.toml").requirements] == plain
    assert [requirement.text for requirement in load(tmp_path).requirements] == [*plain, "mpl[all]<4,>=3", "pytest"]
    for bad, part in (
        (POETRY.replace("^2.1", "^two"), "pyproject.toml"),
        (POETRY.replace("[tool.poetry]\n", "["), "TOML"),
        (POETRY.replace('"^2.1"', '{ git = "https://git.example/flask.git", branch = "-u" }'), "flask"),
    ):
        write(tmp_path, pyproject__toml=bad)
        with pytest.raises(WheelyardError) as caught:
            load(tmp_path / "pyproject.toml")
        assert part in str(errors(caught)[0])


def test_several_files_make_one_configuration(tmp_path: Path) -> None:
    write(tmp_path, Pipfile=PIPFILE, requirements__in="attrs\n", pyproject__toml=POETRY)
    text = render([tmp_path / name for name in ("Pipfile", "requirements.in", "pyproject.toml")], tmp_path)
    (tmp_path / "wheelyard.toml").write_text(text)
    names = [requirement.text.split("[")[0].split("=")[0].rstrip("<>") for requirement in load(tmp_path).requirements]
    assert {"flask", "attrs", "numba"} <= set(names)
