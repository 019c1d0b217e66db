from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.configurations import errors, requirements, write
from tests.support.packages import make_sdist, make_wheel
from wheelyard.config.load import load
from wheelyard.domain.errors import ConfigError, WheelyardError
from wheelyard.domain.repository import Repository, from_direct

DIGEST = "ab" * 32


def texts(folder: Path, text: str, **files: str) -> list[str]:
    return [requirement.text for requirement in requirements(folder, text, **files).requirements]


def one_error(folder: Path, text: str, **files: str) -> WheelyardError:
    with pytest.raises(WheelyardError) as caught:
        requirements(folder, text, **files)
    (error,) = errors(caught)
    assert isinstance(error, ConfigError)
    assert error.hint, "an error without advice"
    return error


def test_hashes_of_another_kind_count_where_there_is_no_sha256(tmp_path: Path) -> None:
    config = requirements(tmp_path, f"numpy==1.0 --hash=sha512:{'A' * 128} --hash=sha384:{'b' * 96}\n")
    assert config.requirements[0].hashes == (f"sha512:{'a' * 128}", f"sha384:{'b' * 96}")
    assert "not a SHA-512 digest" in one_error(tmp_path, "numpy==1.0 --hash=sha512:abc\n").message


def test_the_format(tmp_path: Path) -> None:
    config = requirements(
        tmp_path,
        f"""\
        # a comment
        Six
        requests [socks,security] >= 2 , < 3 ; python_version < '3.12'   # why
        numpy==1.0 \\
            --hash=sha256:{DIGEST} \\
            --hash sha256:{DIGEST.upper()} --hash=sha512:{"0" * 128}
        dashes-_.and==1.*#no comment without a blank
        """.replace("#no comment without a blank", ""),
    )
    assert [(requirement.text, requirement.line) for requirement in config.requirements] == [
        ("Six", 2),
        ('requests[security,socks]<3,>=2; python_version < "3.12"', 3),
        ("numpy==1.0", 4),
        ("dashes-_.and==1.*", 7),
    ]
    assert config.requirements[2].hashes == (f"sha256:{DIGEST}",)
    assert {requirement.origin for requirement in config.requirements} == {"requirements.txt"}


def test_continuation_and_comments_as_pip_reads_them(tmp_path: Path) -> None:
    assert texts(tmp_path, "six\\\n# a comment ends it\nattrs\n") == ["six", "attrs"]
    assert texts(tmp_path, "a>=1,\\\n<2\nb\\\n") == ["a<2,>=1", "b"]
    assert texts(tmp_path, "\ufeffsix\r\nattrs\r\n") == ["six", "attrs"]


def test_nested_files(tmp_path: Path) -> None:
    config = requirements(
        tmp_path,
        "-r sub/more.txt\n--constraint=sub/limits.txt\nsix\n",
        sub___more__txt="-r../other.txt\nattrs\n-c limits.txt",
        sub___limits__txt="attrs<20\n-r ../yet.txt",
        other__txt="click",
        yet__txt="click<9",
    )
    assert [(requirement.text, requirement.origin) for requirement in config.requirements] == [
        ("click", "other.txt"),
        ("attrs", "sub/more.txt"),
        ("six", "requirements.txt"),
    ]
    # What a constraints file includes are constraints too.
    assert [(constraint.text, constraint.origin) for constraint in config.constraints] == [
        ("attrs<20", "sub/limits.txt"),
        ("click<9", "yet.txt"),
    ]


def test_the_same_file_twice_counts_once(tmp_path: Path) -> None:
    assert texts(tmp_path, "-r a.txt\n-r b.txt\n", a__txt="-r b.txt", b__txt="six") == ["six"]


def test_cycle(tmp_path: Path) -> None:
    error = one_error(tmp_path, "-r a.txt\n", a__txt="six\n-r b.txt\n", b__txt="-r a.txt\n")
    assert error.where == "b.txt:1"
    assert "a.txt -> b.txt -> a.txt" in error.message


def test_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "p%40ss")
    (tmp_path / "links").mkdir()
    config = requirements(
        tmp_path,
        """\
        -i https://user:${SECRET}@One.example/simple
        --extra-index-url=http://two.example:8080/simple
        --trusted-host two.example
        -f links
        --pre
        --prefer-binary
        --only-binary=:all:
        --no-binary numpy,Foo_Bar
        demo --config-settings=key=value -C other=1
        """,
    )
    assert [(index.name, index.url, index.kind, index.trusted) for index in config.indexes] == [
        ("extra-index-1", "http://two.example:8080/simple", "simple", True),
        ("find-links-1", (tmp_path / "links").as_uri(), "find-links", False),
        ("index", "https://One.example/simple", "simple", False),
    ]
    assert config.credentials == {"https://one.example": ("user", "p@ss")}
    assert "p%40ss" not in repr(config)
    assert "p@ss" not in repr(config)
    assert not config.default_indexes
    assert config.prereleases
    assert config.prefer_binary
    assert config.only_binary == {":all:"}
    assert config.no_binary == {"numpy", "foo-bar"}
    assert config.packages["demo"].config_settings == {"key": "value", "other": "1"}


def test_no_index(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    config = requirements(tmp_path, "--no-index\n-i https://one.example/simple\n-f links\nsix\n")
    assert [index.kind for index in config.indexes] == ["find-links"]
    assert not config.default_indexes
    assert requirements(tmp_path, "--extra-index-url https://one.example/simple\nsix\n").default_indexes


def test_nowhere_to_look(tmp_path: Path) -> None:
    assert "no index" in one_error(tmp_path, "--no-index\nsix\n").message
    make_wheel(tmp_path, "demo", "1.0")
    assert requirements(tmp_path, "--no-index\n./demo-1.0-py3-none-any.whl\n").requirements


def test_direct(tmp_path: Path) -> None:
    make_wheel(tmp_path / "vendor", "demo", "1.0")
    make_sdist(tmp_path / "vendor", "built-here", "2.0", {"setup.py": ""})
    write(tmp_path, named___pyproject__toml='[project]\nname = "Named.Here"\n', unnamed___setup__py="")
    config = requirements(
        tmp_path,
        f"""\
        ./vendor/demo-1.0-py3-none-any.whl[extra] ; sys_platform == "linux"
        vendor/built_here-2.0.tar.gz
        ./named
        ./unnamed[x] ; python_version>"3"
        https://me:word@host.example/a/remote-1.0-py3-none-any.whl#sha256={DIGEST}
        other @ https://host.example/a/other-1.0.tar.gz?download=1
        {(tmp_path / "vendor/demo-1.0-py3-none-any.whl").as_uri()}
        -e unnamed[y]
        """,
    )
    assert [(requirement.text, requirement.direct) for requirement in config.requirements] == [
        (
            'demo[extra] @ vendor/demo-1.0-py3-none-any.whl ; sys_platform == "linux"',
            "vendor/demo-1.0-py3-none-any.whl",
        ),
        ("built-here @ vendor/built_here-2.0.tar.gz", "vendor/built_here-2.0.tar.gz"),
        ("Named.Here @ named", "named"),
        ("", "unnamed"),
        (
            "remote @ https://host.example/a/remote-1.0-py3-none-any.whl",
            "https://host.example/a/remote-1.0-py3-none-any.whl",
        ),
        (
            "other @ https://host.example/a/other-1.0.tar.gz?",
            "https://host.example/a/other-1.0.tar.gz?",
        ),
        ("demo @ vendor/demo-1.0-py3-none-any.whl", "vendor/demo-1.0-py3-none-any.whl"),
        ("", "unnamed"),
    ]
    assert config.requirements[3].extras == ("x",)
    assert config.requirements[3].marker == 'python_version > "3"'
    assert config.requirements[4].hashes == (f"sha256:{DIGEST}",)
    assert "word" not in repr(config)


def test_paths_of_a_nested_file_are_relative_to_it(tmp_path: Path) -> None:
    make_wheel(tmp_path / "sub/vendor", "demo", "1.0")
    config = requirements(tmp_path, "-r sub/a.txt\n", sub___a__txt="./vendor/demo-1.0-py3-none-any.whl\n")
    assert config.requirements[0].direct == "sub/vendor/demo-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("line", "part", "advice"),
    [
        ("requests=2.0", "requests=2.0", "requests==2.0"),
        ("requests=>2.0", "requests=>2.0", ">="),
        ("requests 2.0", "requests 2.0", "requests==2.0"),
        ("requests[socks>=2", "requests[socks", "bracket"),
        ("requests; python_version < 3", "requests", "python_version"),
        ("requests; python_version < “3”", "requests", "quotation"),
        ("-e ./folder", "./folder", "relative"),
        ("-e folder", "./folder", "relative"),
        ("hg+https://host.example/x", "only git", "sdist"),
        ("git+git://host.example/x.git", "git+https://", "write"),
        ("x @ git+ssh://git:word@host.example/x.git", "ssh takes keys", "password"),
        ("git+https://me:pass/word@host.example/x.git", "behind the host", "refs/heads"),
        ("git+https://token/y@host.example/x.git@main", "behind the host", "refs/heads"),
        ("git+https://host.example/x.git@-u", "branch, tag or commit", "write"),
        ("git+ssh://-oProxyCommand=x/y", "URL of a git", "write"),
        ("git+file://host.example/x", "three strokes", "git+file:///"),
        ("git+https://host.example/x.git#subdirectory=../y", "leads out", "top"),
        ("x @ git+https://host.example/x.git#egg=y", "'x' is asked for", "correct"),
        ("--extra-index-ulr https://x.example", "--extra-index-ulr", "--extra-index-url"),
        ("six --hsh=sha256:00", "--hsh", "--hash"),
        ("six --hash=sha256:00", "SHA-256", "64"),
        ("six --hash=md5:00", "md5", "sha256"),
        ("six --global-option=x", "--global-option", "config-settings"),
        ("./nothing", "./nothing", "relative"),
        ("nothing-1.0-py3-none-any.whl", "no such file", "relative"),
        ("-r nothing.txt", "nothing.txt", "check"),
        ("-r https://host.example/r.txt", "network", "download"),
        ("--index-url not-a-url", "not the URL", "https://"),
        ("-f nothing", "no such folder", "folder"),
        ("https://host.example/page", "wheel or sdist", ".whl"),
        ("ftp://host.example/x.whl", "ftp", "https"),
        ("https://host.example/x-1.whl", "wheel", "name"),
        ("other @ https://host.example/x-1.tar.gz", "other", "correct"),
        ("six --hash='x", "quotation", "close"),
        ("--pre yes", "--pre", "line"),
        ("-r", "--requirement", "VALUE"),
        ("six ${NOT_SET_ANYWHERE}", "NOT_SET_ANYWHERE", "set it"),
        ("https://host.example:port/x-1.tar.gz", "URL", "port"),
        ("https://host.example/x-1.tar.gz#subdirectory=a", "subdirectory", "sdist"),
    ],
)
def test_a_mistake_names_its_line_and_what_to_do(tmp_path: Path, line: str, part: str, advice: str) -> None:
    error = one_error(tmp_path, f"# first\nattrs\n{line}\n")
    assert error.where == "requirements.txt:3"
    assert part in error.message
    assert error.hint
    assert advice in error.hint


def test_git_requirements(tmp_path: Path) -> None:
    config = requirements(
        tmp_path,
        "x[a] @ git+https://me:word@host.example/x.git@feature/y ; python_version > '3'\n"
        "git+ssh://git@host.example:22/team/x.git\n"
        "-e git+https://host.example/z@v1.0#egg=z-y[b]&subdirectory=lib/python\n"
        "git+file:///srv/w.git@refs/tags/1.0\n",
    )
    assert [each.direct for each in config.requirements] == [
        "git+https://host.example/x.git@feature/y",
        "git+ssh://git@host.example:22/team/x.git",
        "git+https://host.example/z@v1.0#subdirectory=lib/python",
        "git+file:///srv/w.git@refs/tags/1.0",
    ]
    assert config.requirements[0].text == f'x[a] @ {config.requirements[0].direct} ; python_version > "3"'
    assert config.requirements[2].text == f"z-y[b] @ {config.requirements[2].direct}"
    assert config.credentials == {"https://host.example": ("me", "word")}
    assert "word" not in repr(config)
    read = [from_direct(each.direct or "") for each in config.requirements]
    assert [each and each.direct for each in read] == [each.direct for each in config.requirements]
    assert read[1] == Repository(url="ssh://git@host.example:22/team/x.git")


def test_every_mistake_at_once(tmp_path: Path) -> None:
    with pytest.raises(WheelyardError) as caught:
        requirements(tmp_path, "a=1\nsix\n-e .\n-r b.txt\n", b__txt="c=1\n")
    assert [error.where for error in errors(caught)] == ["requirements.txt:1", "requirements.txt:3", "b.txt:1"]
    assert caught.value.exit_code == ConfigError.exit_code


def test_constraints_that_cannot_be(tmp_path: Path) -> None:
    assert "extras" in one_error(tmp_path, "six\n-c c.txt\n", c__txt="six[a]<2\n").message
    assert one_error(tmp_path, "six\n-c c.txt\n", c__txt="\nsetup-1.zip.zip.whl\n").where == "c.txt:2"


def test_require_hashes(tmp_path: Path) -> None:
    error = one_error(tmp_path, f"--require-hashes\nsix==1 --hash=sha256:{DIGEST}\nattrs==1\n")
    assert error.where == "requirements.txt:3"


def test_not_text(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_bytes(b"six\xff\n")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(path)


def test_empty(tmp_path: Path) -> None:
    assert "nothing" in one_error(tmp_path, "# nobody\n").message


def test_a_stand_in_writes_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    config = requirements(tmp_path, "six\n")
    assert config.wheelhouse == tmp_path / "elsewhere/wheelhouse"
    assert config.root == tmp_path
    assert len(config.targets) == 1
