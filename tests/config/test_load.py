from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.configurations import errors, toml, write
from tests.support.interpreters import interpreter
from wheelyard.config.load import bound_names, load
from wheelyard.domain.errors import ConfigError, WheelyardError
from wheelyard.targets.here import this_machine


def test_defaults(tmp_path: Path) -> None:
    config = toml(tmp_path, "")
    assert config.path == tmp_path / "wheelyard.toml"
    assert config.wheelhouse == tmp_path / "wheelhouse"
    assert config.targets == (this_machine(),)
    assert config.indexes == ()
    assert config.default_indexes
    assert config.resolver == "uv"
    assert load(tmp_path) == config


def test_everything(tmp_path: Path) -> None:
    config = toml(
        tmp_path,
        """\
        constraints = ["c.txt"]
        targets = ["el9", "el8-py39"]
        wheelhouse = "out"
        resolver = "pip-tools"
        prereleases = true
        only-binary = ["SciPy"]
        no-binary = "markupsafe"
        [[index]]
        name = "corp"
        url = "https://corp.example/simple"
        explicit = true
        [[index]]
        name = "folder"
        url = "links"
        kind = "find-links"
        [packages.Num_Py]
        build = "always"
        index = "corp"
        environment = { CFLAGS = "-O3", N = 2 }
        config-settings = { setup-args = ["-Dblas=openblas", "-Dx"], one = "1" }
        patches = ["fix.patch"]
        build-requires = ["cython <3.2"]
        image-packages = ["openblas-devel"]
        imports = []
        [build]
        jobs = 3
        timeout = "90m"
        memory = "4 GiB"
        sandbox = "bubblewrap"
        require-sandbox = true
        engine = "podman"
        engine-arguments = ["--cgroups=disabled"]
        [[variant]]
        name = "v3"
        blas = ["mkl"]
        packages = ["numpy"]
        """,
        c__txt="six<2\n",
        links___x__txt="",
        fix__patch="",
    )
    assert [(target.name, target.pip) for target in config.targets] == [("el9", "21.2.3"), ("el8-py39", "20.2.4")]
    assert [constraint.text for constraint in config.constraints] == ["six<2"]
    assert config.wheelhouse == tmp_path / "out"
    assert (config.resolver, config.prereleases) == ("pip-tools", True)
    assert config.only_binary == {"scipy"}
    assert config.no_binary == {"markupsafe"}
    assert [(index.name, index.kind, index.explicit) for index in config.indexes] == [
        ("corp", "simple", True),
        ("folder", "find-links", False),
    ]
    assert config.indexes[1].url == (tmp_path / "links").as_uri()
    assert config.default_indexes, "an explicit index and a folder do not replace the default one"
    rule = config.packages["num-py"]
    assert (rule.build, rule.index, rule.environment) == ("always", "corp", {"CFLAGS": "-O3", "N": "2"})
    assert rule.config_settings == {"setup-args": ("-Dblas=openblas", "-Dx"), "one": "1"}
    assert rule.patches == (tmp_path / "fix.patch",)
    assert (rule.build_requires, rule.image_packages, rule.imports) == (("cython<3.2",), ("openblas-devel",), ())
    assert bound_names(config.packages) == {"num-py": "corp"}
    assert (config.build.jobs, config.build.timeout, config.build.memory) == (3, 5400.0, 4 << 30)
    assert (config.build.sandbox, config.build.require_sandbox) == ("bubblewrap", True)
    assert config.build.engine_arguments == ("--cgroups=disabled",)
    assert [(variant.name, variant.choice["blas"], variant.packages) for variant in config.variants] == [
        ("v3-mkl-baseline", "mkl", ("numpy",))
    ]


def test_a_name_may_be_bound_to_an_index_of_a_requirements_file_or_of_pip(tmp_path: Path) -> None:
    config = toml(
        tmp_path,
        'constraints = ["r.txt"]\nindex-strategy = "first-index"\n[packages.a]\nindex = "extra-index-1"\n'
        '[packages.b]\nindex = "extra-2"\n[packages.c]\nindex = "default"\n',
        r__txt="-i https://a.example/simple\n--extra-index-url https://b.example/simple\na\nb\nc\n",
    )
    assert bound_names(config.packages) == {"a": "extra-index-1", "b": "extra-2", "c": "default"}
    assert [index.name for index in config.indexes] == ["extra-index-1", "index"], "what was added comes first"
    assert config.index_strategy == "first-index"


def test_an_index_of_its_own_replaces_the_default_one(tmp_path: Path) -> None:
    config = toml(tmp_path, '[[index]]\nname = "a"\nurl = "https://me:secret@a.example/simple"\n')
    assert not config.default_indexes
    assert config.indexes[0].url == "https://a.example/simple"
    assert config.credentials == {"https://a.example": ("me", "secret")}
    assert "secret" not in repr(config)


def test_targets(tmp_path: Path) -> None:
    real = interpreter("3.9")
    config = toml(
        tmp_path,
        f"""\
        [[target]]
        preset = "el9"
        [[target]]
        preset = "el9"
        python = "3.11"
        name = "other"
        pip = "24.0"
        image = "localhost/x"
        host-image = "localhost/y"
        [[target]]
        python = "3.10.4"
        platform = "manylinux2014_aarch64"
        toolchain = "zig"
        [[target]]
        interpreter = "{real.path}"
        [[target]]
        python = "3.13t"
        platform = "musllinux_1_2_x86_64"
        """,
    )
    nine, other, third, fourth, fifth = config.targets
    assert (nine.name, nine.python, nine.pip) == ("el9", "3.9", "21.2.3")
    assert (other.name, other.python, other.platform) == ("other", "3.11", "manylinux_2_34_x86_64")
    assert (other.pip, other.build.image, other.build.host_image) == ("24.0", "localhost/x", "localhost/y")
    assert (third.name, third.python_full) == ("cp310-manylinux_2_17_aarch64", "3.10.4")
    assert (third.platform, third.build.toolchain) == ("manylinux_2_17_aarch64", "zig")
    assert (fourth.python, fourth.python_full, fourth.build.interpreter) == ("3.9", real.version, real.path)
    assert (fifth.python, fifth.version_info, fifth.name) == ("3.13t", (3, 13), "cp313t-musllinux_1_2_x86_64")


def test_an_interpreter_is_named_or_relative_to_the_file(tmp_path: Path) -> None:
    real = interpreter("3.9")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/mine").symlink_to(real.path)
    (target,) = toml(tmp_path, '[[target]]\ninterpreter = "./bin/mine"\n').targets
    assert (target.python, target.build.interpreter) == ("3.9", str(tmp_path / "bin/mine"))


def test_target_as_one_word(tmp_path: Path) -> None:
    assert [target.name for target in toml(tmp_path, 'target = "el10"\n').targets] == ["el10"]
    assert [target.name for target in toml(tmp_path, 'target = ["el8", "el9"]\n').targets] == ["el8", "el9"]


def test_a_python_of_this_machine_without_a_platform(tmp_path: Path) -> None:
    real = interpreter("3.8")
    (target,) = toml(tmp_path, '[[target]]\npython = "3.8"\n').targets
    assert (target.python_full, target.platform, target.build.interpreter) == (real.version, real.platform, real.path)


@pytest.mark.parametrize(
    ("text", "where", "part", "advice"),
    [
        ('requirementz = "x"', "requirementz", "unknown key", "'requirements'"),
        ("jobs = 3", "jobs", "unknown key", "[build]"),
        ("[build]\njbos = 3", "[build] jbos", "unknown key", "'jobs'"),
        ('[build]\njobs = "3"', "[build] jobs", "whole number", "jobs = "),
        ("[build]\njobs = -1", "[build] jobs", "too small", "0"),
        ("[build]\njobs = true", "[build] jobs", "true", "jobs = "),
        ('[build]\nmemory = "lots"', "[build] memory", "lots", "GiB"),
        ("[build]\ntimeout = 0", "[build] timeout", "above zero", "90m"),
        ("[build]\ntimeout = inf", "[build] timeout", "above zero", "90m"),
        ('[build]\nsandbox = "bubblewarp"', "[build] sandbox", "bubblewarp", "'bubblewrap'"),
        ("build = 3", "build", "a table", "build = "),
        ('prereleases = "yes"', "prereleases", "true or false", "true"),
        ('resolver = "pip"', "resolver", "'pip'", "'pip-tools'"),
        ('targets = ["el99"]', "targets", "el99", "'el9'"),
        ('target = "el99"', "target", "el99", "'el9'"),
        ("targets = [3]", "targets", "list of texts", "el9"),
        ('[[target]]\npython = "2.7"', "[[target]] no. 1 python", "2.7", "3.6"),
        ('[[target]]\nplatform = "win-amd64"', "[[target]] no. 1 platform", "win-amd64", "did you mean"),
        ('[[target]]\npreset = "el9"\npyhton = "3.9"', "[[target]] no. 1 pyhton", "unknown key", "'python'"),
        ('[[target]]\nname = "Ä"', "[[target]] no. 1 name", "folder", "a-z"),
        ('[[target]]\npip = "new"', "[[target]] no. 1 pip", "'new'", "21.2.3"),
        ('[[target]]\ntoolchain = "gcc"', "[[target]] no. 1 toolchain", "'gcc'", "zig"),
        ('[[target]]\ninterpreter = "/nowhere/python"', "[[target]] no. 1", "no interpreter", "path"),
        ('targets = ["el9", "el9"]', "[[target]]", "two targets", "name"),
        ('[[index]]\nname = "a"', "[[index]] no. 1 url", "missing", "url"),
        ('[[index]]\nname = "a"\nurl = "gopher://x"', "[[index]] no. 1 url", "gopher", "https"),
        ('[[index]]\nname = "a"\nurl = "nowhere"', "[[index]] no. 1 url", "no such folder", "https"),
        ('[[index]]\nname = "a"\nurl = "https://${UNSET_HERE}/x"', "[[index]] no. 1 url", "UNSET_HERE", "https"),
        ('[packages.x]\nindex = "corp"', "[packages.x] index", "'corp'", "[[index]]"),
        ('index-strategy = "best"', "index-strategy", "'best'", "first-index"),
        (
            '[[index]]\nname = "main"\nurl = "."\n[[index]]\nname = "b"\nurl = "."\nmirror-of = "mian"',
            "[[index]] 'b' mirror-of",
            "no index is named 'mian'",
            "'main'",
        ),
        (
            '[[index]]\nname = "b"\nurl = "."\nmirror-of = "b"',
            "[[index]] 'b' mirror-of",
            "a mirror itself",
            "the one it mirrors",
        ),
        ('[packages.x]\nbuild = "alway"', "[packages.x] build", "'alway'", "'always'"),
        ('[packages.x]\npatches = ["no.patch"]', "[packages.x] patches", "no.patch", "relative"),
        ('[packages.x]\nbuild-requires = ["a=1"]', "[packages.x] build-requires", "'a=1'", "a==1"),
        ("[packages.x]\nenvironment = { A = [] }", "[packages.x] environment.A", "text", "CFLAGS"),
        ("[packages.x]\nconfig-settings = { a = 1 }", "[packages.x] config-settings.a", "text", "setup-args"),
        ("packages = 1", "packages", "a table", "packages"),
        ("[packages]\nx = 1", "[packages] x", "a table", "[packages.x]"),
        ('constraints = "no.txt"', "constraints", "no.txt", "check"),
        ("variant = 1", "variant", "tables", "[[variant]]"),
        ('wheelhouse = ""', "wheelhouse", "empty", "wheelhouse"),
    ],
)
def test_a_mistake_names_table_key_and_fix(tmp_path: Path, text: str, where: str, part: str, advice: str) -> None:
    with pytest.raises(WheelyardError) as caught:
        toml(tmp_path, text)
    (error,) = errors(caught)
    assert isinstance(error, (ConfigError, WheelyardError))
    assert error.where == f"wheelyard.toml: {where}"
    assert part in error.message
    assert error.hint
    assert advice in error.hint


def test_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(WheelyardError) as caught:
        toml(tmp_path, 'jbos = 1\ntargets = ["el99"]\n[build]\njobs = "x"\n[packages.a]\nbild = 1\n')
    assert len(errors(caught)) == 4


def test_not_toml(tmp_path: Path) -> None:
    write(tmp_path, wheelyard__toml="a = 1\nb = = 2\n")
    with pytest.raises(ConfigError, match="line 2"):
        load(tmp_path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="wheelyard init"):
        load(tmp_path)


def test_a_tilde_in_a_name_of_a_user_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(WheelyardError):
        toml(tmp_path, 'wheelhouse = "~nobody-at-all/x"\n')
