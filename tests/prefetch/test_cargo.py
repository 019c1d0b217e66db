"""Crates: which the locks of a source tree pin, how cargo brings them, what is refused, and where they are put."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.crates import LocalRegistry
from tests.support.trees import write_tree
from wheelyard.domain.errors import BuildError, HashMismatchError, ToolError, UpstreamError, WheelError
from wheelyard.domain.prefetched import Prefetched
from wheelyard.prefetch import cargo, fetch, lay_out
from wheelyard.prefetch.kept import kept
from wheelyard.prefetch.protocol import Errand
from wheelyard.store.blobs import Store


def _version() -> tuple[int, ...]:
    if shutil.which("cargo") is None:
        return ()
    said = subprocess.run(["cargo", "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in re.findall(r"\d+", said)[:2])


CARGO = _version()
needs_cargo = pytest.mark.skipif(not CARGO, reason="cargo is not installed")

MANIFEST = '[package]\nname = "top"\nversion = "1.0.0"\nedition = "2018"\n[lib]\npath = "lib.rs"\n[dependencies]\n'
ENTRY = '[[package]]\nname = "{0}"\nversion = "{1}"\nsource = "{2}"\nchecksum = "{3}"\n'
DIGEST = "ab" * 32


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalRegistry:
    """A registry of three crates, which cargo is configured for."""
    registry = LocalRegistry(tmp_path / "registry")
    registry.add_new("leaf", "1.0.0", "pub fn leaf() -> u32 { 1 }\n")
    registry.add_new("leaf", "1.0.1", "pub fn leaf() -> u32 { 2 }\n")
    registry.add_new("branch", "0.3.0", "pub fn branch() -> u32 { leaf::leaf() }\n", needs={"leaf": "1.0.1"})
    monkeypatch.setenv("CARGO_HOME", str(registry.configure(tmp_path / "home")))
    return registry


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Make a source tree; each manifest in it gets its lock from cargo."""

    def make(**files: str) -> Path:
        source = tmp_path / "source"
        write_tree(source, files)
        return source

    return make


def lock(manifest: Path) -> None:
    subprocess.run(["cargo", "generate-lockfile", "--manifest-path", str(manifest)], check=True, capture_output=True)


def build(source: Path, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile with what was laid out, and nothing else."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    command = ["cargo", "check", "--offline", "--locked", "--quiet"]
    subprocess.run(command, cwd=source, check=True)


def bring(source: Path, store: Store, tmp_path: Path) -> tuple[Prefetched, ...]:
    pinned = cargo.needs(source, "top 1.0")
    fetch(pinned, store=store, root=tmp_path, where="top 1.0")
    return pinned


@needs_cargo
def test_a_workspace_and_a_second_lock_with_other_versions(
    registry: LocalRegistry,
    project: Callable[..., Path],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = project(
        **{
            "Cargo.toml": '[workspace]\nmembers = ["one", "two"]\n',
            "one/Cargo.toml": MANIFEST.replace("top", "one") + 'branch = "0.3"\n',
            "two/Cargo.toml": MANIFEST.replace("top", "two") + 'one = { path = "../one" }\n',
            "apart/Cargo.toml": MANIFEST + 'leaf = "=1.0.0"\n[workspace]\n',
            **dict.fromkeys(("one/lib.rs", "two/lib.rs", "apart/lib.rs"), ""),
        }
    )
    lock(source / "Cargo.toml")
    lock(source / "apart" / "Cargo.toml")
    pinned = bring(source, store, tmp_path)
    assert {(crate.lock, crate.title) for crate in pinned} == {
        ("Cargo.lock", "branch 0.3.0"),
        ("Cargo.lock", "leaf 1.0.1"),
        ("apart/Cargo.lock", "leaf 1.0.0"),
    }
    assert all(kept(store, crate) == crate.checksum.removeprefix("sha256:") for crate in pinned)
    shutil.rmtree(registry.folder)
    (tmp_path / "w").mkdir()
    variables = dict(lay_out(pinned, tmp_path / "w", aside=tmp_path / "aside", store=store))
    build(source, variables, monkeypatch)
    build(source / "apart", variables, monkeypatch)


@needs_cargo
def test_a_git_dependency_of_a_workspace(
    registry: LocalRegistry,
    project: Callable[..., Path],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forge = tmp_path / "forge"
    inherited = "version.workspace = true" if CARGO >= (1, 70) else 'version = "2.5.0"'  # as vendored by older ones
    inherits = MANIFEST.replace('version = "1.0.0"', inherited).replace("top", "forked")
    root = '[workspace]\nmembers = ["forked"]\n[workspace.package]\nversion = "2.5.0"\n'
    write_tree(forge, {"Cargo.toml": root, "forked/Cargo.toml": inherits + 'leaf = "1"\n', "forked/lib.rs": ""})
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    for words in (("init", "-q", "-b", "trunk"), ("add", "."), (*who, "commit", "-q", "-m", "x")):
        subprocess.run(["git", "-C", str(forge), *words], check=True)
    source = project(
        **{"Cargo.toml": f'{MANIFEST}forked = {{ git = "{forge.as_uri()}", branch = "trunk" }}\n', "lib.rs": ""}
    )
    lock(source / "Cargo.toml")
    pinned = bring(source, store, tmp_path)
    assert {crate.title for crate in pinned} == {"forked 2.5.0", "leaf 1.0.1"}
    (forked,) = (crate for crate in pinned if crate.name == "forked")
    assert forked.checksum.startswith("git:")
    assert forked.purl.startswith("pkg:cargo/forked@2.5.0?vcs_url=git")
    shutil.rmtree(forge)
    (tmp_path / "w").mkdir()
    build(source, dict(lay_out(pinned, tmp_path / "w", aside=tmp_path / "aside", store=store)), monkeypatch)


@needs_cargo
def test_a_directory_of_crates_in_place_of_a_registry(
    registry: LocalRegistry,
    project: Callable[..., Path],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = project(**{"Cargo.toml": f'{MANIFEST}branch = "0.3"\n', "lib.rs": ""})
    lock(source / "Cargo.toml")
    pinned = cargo.needs(source, "top 1.0")
    fetch(pinned, store=store, root=tmp_path, where="top 1.0")
    (tmp_path / "first").mkdir()
    lay_out(pinned, tmp_path / "first", aside=tmp_path / "aside", store=store)
    # What was laid out is such a directory.
    shutil.rmtree(registry.folder)
    sole = tmp_path / "first" / "crates" / "0"
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "first" / "cargo"))
    other = Store(tmp_path / "other")
    fetch(pinned, store=other, root=tmp_path, where="top 1.0")
    (tmp_path / "second").mkdir()
    build(source, dict(lay_out(pinned, tmp_path / "second", aside=tmp_path / "aside-2", store=other)), monkeypatch)

    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "first" / "cargo"))
    record = {"files": {"src/lib.rs": DIGEST}, "package": pinned[0].checksum.removeprefix("sha256:")}
    (sole / "branch-0.3.0" / ".cargo-checksum.json").write_text(json.dumps(record))
    with pytest.raises(HashMismatchError, match=r"top 1\.0.*branch 0\.3\.0.*src/lib\.rs was changed"):
        fetch(pinned, store=Store(tmp_path / "third"), root=tmp_path, where="top 1.0")


@needs_cargo
def test_a_crate_that_is_not_the_one_that_was_locked(
    registry: LocalRegistry, project: Callable[..., Path], store: Store, tmp_path: Path
) -> None:
    source = project(**{"Cargo.toml": f'{MANIFEST}leaf = "1"\n', "lib.rs": ""})
    lock(source / "Cargo.toml")
    archive = registry.folder / "leaf-1.0.1.crate"
    archive.write_bytes((registry.folder / "leaf-1.0.0.crate").read_bytes())
    with pytest.raises(HashMismatchError, match=r"top 1\.0.*leaf"):
        bring(source, store, tmp_path)
    assert not [*store.blobs()]


@needs_cargo
def test_a_crate_that_is_not_to_be_had(
    registry: LocalRegistry, project: Callable[..., Path], store: Store, tmp_path: Path
) -> None:
    source = project(**{"Cargo.toml": f'{MANIFEST}leaf = "1"\n', "lib.rs": ""})
    lock(source / "Cargo.toml")
    shutil.rmtree(registry.folder / "index" / "le")
    with pytest.raises(UpstreamError, match=r"(?s)top 1\.0: cargo fetch failed.*leaf.*replace-with"):
        bring(source, store, tmp_path)


@needs_cargo
def test_a_crate_that_was_withdrawn_since(
    registry: LocalRegistry, project: Callable[..., Path], store: Store, tmp_path: Path
) -> None:
    source = project(**{"Cargo.toml": f'{MANIFEST}branch = "0.3"\n', "lib.rs": ""})
    lock(source / "Cargo.toml")
    for lines in (registry.folder / "index").rglob("*"):
        if lines.is_file():
            lines.write_text(lines.read_text().replace('"yanked": false', '"yanked": true'))
    assert len(bring(source, store, tmp_path)) == 2


def test_without_cargo(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crate = Prefetched(registry="cargo", name="leaf", version="1.0.0", checksum=f"sha256:{DIGEST}", lock="Cargo.lock")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"top 1\.0: .*there is no cargo here \(dnf install cargo"):
        fetch([crate], store=store, root=tmp_path, where="top 1.0")


@needs_cargo
def test_a_lock_is_made(registry: LocalRegistry, project: Callable[..., Path], store: Store, tmp_path: Path) -> None:
    source = project(
        **{
            "pyproject.toml": '[tool.maturin]\nmanifest-path = "rust/Cargo.toml"\n',
            "rust/Cargo.toml": f'{MANIFEST}branch = "0.3"\n',
            "rust/lib.rs": "",
            # Neither counts: it might ask for anything.
            "rust/.cargo/config.toml": '[source.crates-io]\nlocal-registry = "/nowhere"\n',
            "rust/rust-toolchain": "nightly-1970-01-01\n",
        }
    )
    (tmp_path / "errand").mkdir()
    errand = Errand(store=store, folder=tmp_path / "errand", root=tmp_path, where="top 1.0")
    ((path, content),) = cargo.made_locks(source, errand).items()
    assert path == "rust/Cargo.lock"
    assert b"\nversion = 4\n" not in content
    assert {crate.title for crate in cargo.needs(source, "top 1.0")} == {"branch 0.3.0", "leaf 1.0.1"}
    assert not cargo.made_locks(source, errand)  # it is there now


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (ENTRY.format("../up", "1.0.0", "registry+https://crates.example.org/i", DIGEST), r"1.*its name or version"),
        (ENTRY.format("a", "1.0.0", "registry+https://crates.example.org/i", ""), r"1 \(a 1\.0\.0\).*no checksum"),
        (ENTRY.format("a", "1.0.0", "git+https://crates.example.org/g?rev=1", ""), "without a commit"),
        (ENTRY.format("a", "1.0.0", "hg+https://crates.example.org/g", DIGEST), "crates from hg are not known"),
        ("package = 3\n", "no list"),
        ("[[package]]\nname = 1\n", "no text"),
        ("package = [\n", "cannot be read"),
    ],
)
def test_a_lock_that_is_wrong(project: Callable[..., Path], entry: str, said: str) -> None:
    source = project(**{"rust/Cargo.lock": entry})
    with pytest.raises(BuildError, match=rf"top 1\.0: rust/Cargo\.lock.*{said}"):
        cargo.needs(source, "top 1.0")


def test_checksums_of_the_first_version_of_locks(project: Callable[..., Path]) -> None:
    where = "registry+https://crates.example.org/i"
    source = project(
        **{
            "Cargo.lock": f'[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "{where}"\n'
            f'[metadata]\n"checksum a 1.0.0 ({where})" = "{DIGEST}"\n'
        }
    )
    (crate,) = cargo.needs(source, "top 1.0")
    assert (crate.checksum, crate.source) == (f"sha256:{DIGEST}", where)


def test_crates_that_the_sdist_carries(project: Callable[..., Path]) -> None:
    entry = ENTRY.format("a", "1.0.0", "registry+https://crates.example.org/i", DIGEST)
    source = project(
        **{
            "Cargo.lock": entry,
            ".cargo/config.toml": '[source.vendored]\ndirectory = "vendor"\n',
            "vendor/a/Cargo.lock": entry,
            "vendor/a/.cargo-checksum.json": "{}",
        }
    )
    assert cargo.needs(source, "top 1.0") == ()


def crate(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue())


def linked(name: str, to: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, to
    return member


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (crate((tarfile.TarInfo("a-1.0.0/../../up"), b"x")), "leads out of the archive"),
        (crate((linked("a-1.0.0/way", "../../up"), b"")), "out of its folder"),
        (crate((tarfile.TarInfo("b-1.0.0/Cargo.toml"), b"")), "the lock says 'a-1.0.0'"),
        (crate((tarfile.TarInfo("a-1.0.0/zeros"), bytes(300 << 20))), "an archive bomb"),
        (b"nothing", "not a whole archive"),
    ],
    ids=["climbs", "link", "another", "bomb", "damaged"],
)
def test_hostile_archives(store: Store, tmp_path: Path, content: bytes, said: str) -> None:
    digest = store.add_bytes(content)
    pinned = Prefetched(
        registry="cargo", name="a", version="1.0.0", checksum=f"sha256:{digest}", source="sparse+https://x"
    )
    (tmp_path / "w").mkdir()
    with pytest.raises(WheelError, match=rf"a-1\.0\.0\.crate: .*{said}"):
        lay_out([pinned], tmp_path / "w", aside=tmp_path / "aside", store=store)
    assert not (tmp_path / "up").exists()
