"""Write the table of which package of Debian has which header, library, pkg-config file and program: ``make packages``.

apt is asked for the lists of files of several releases, from the mirror that this machine is configured for; nothing of
the machine's own apt is changed. What no build of a Python package asks for (other languages' libraries, cross
compilers, kernels) is left out.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

RELEASES = ("bullseye", "bookworm", "trixie")
"""Oldest first."""
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MOST = 160
"""Headers of one package that are listed one by one; of more, only their folders are."""
MANY = 6
"""Packages that have a name between them: where more have it, it tells nothing."""
CONTENTS = """\
Acquire::IndexTargets { deb::Contents-deb {
  MetaKey "$(COMPONENT)/Contents-$(ARCHITECTURE)"; ShortDescription "Contents-$(ARCHITECTURE)";
  Description "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Contents (deb)"; PDiffs "false"; KeepCompressed "true";
}; };
"""
HEAD = """\
# Which package of Debian has which header (h), library to link with (l), pkg-config file (p), CMake package (c) and
# program (x); a header's folder stands for all in it. Written by `make packages` from the lists of files that Debian
# publishes (Contents-amd64, Contents-all, section main) of: {releases}.
# Package, the releases that it is in (* for all of these), and what it has.
"""

_OTHERS = re.compile(
    r"(lib)?(ghc|rust|golang|ocaml|erlang|haskell|ros|android|mingw|llvm|clang|gcc|g\+\+|gnat|openjdk|insighttoolkit|vtk[0-9]|oce|occt|ace|absl|volk2|sundials|freeipmi|ocaml|r-|dpdk|nvidia|cuda|kf[56]|qt6|linux|musl|boost1|klibc|"
    r"dietlibc|avr|xmlada|gtkada|coq|crystal|libcamel|newlib|picolibc|sdcc|fp-units|lazarus|cross|deal\.ii|petsc|slepc|trilinos|root|"
    r"gnustep|objc|lisp|swipl|mono|nodejs|node|ruby|php|tcl8|tk8|apache2|freebsd|hurd|libc6|python3\.[0-9]+|lib32|lib64|libx32)"
    r"[a-z0-9.+]*-.*|.*-(ocaml-dev|cross|source|mips.*|i386.*|arm.*|msgs-dev|dbg|dbgsym|doc|examples|perl)|lib(kf|kdecore|plasma).*"
)
_PROGRAMS = re.compile(
    r"[A-Za-z0-9.+-]+[-_]config|swig|cmake|cargo|rustc|ninja|meson|gfortran|bison|flex|m4|autoconf|automake|libtool|libtoolize|patchelf|nasm|yasm|"
    r"make|git|pkg-config|pkgconf|go|protoc|doxygen|perl|patch|unzip|sphinx-build|bazel|hg|java|javac|node|npm|qmake|nvcc|mpicc|mpicxx|"
    r"gettext|msgfmt|cython3|gperf|re2c|scons|xsltproc|glib-compile-resources|g-ir-scanner|vala|dot|gs|thrift|flatc|capnp|tox"
)
_PLACES = (
    ("h", re.compile(r"usr/include/(?:x86_64-linux-gnu/)?(?P<name>.+\.(?:h|hh|hpp|hxx))")),
    ("p", re.compile(r"usr/(?:lib/(?:x86_64-linux-gnu/)?|share/)pkgconfig/(?P<name>[^/]+)\.pc")),
    ("l", re.compile(r"usr/lib/(?:x86_64-linux-gnu/)?lib(?P<name>[^/]+)\.so")),
    ("c", re.compile(r"usr/(?:lib|share)/.*/(?P<name>[^/]+?)(?:Config|-config)\.cmake")),
    ("x", re.compile(rf"(?:usr/)?bin/(?P<name>{_PROGRAMS.pattern})")),
)


def lists(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield release and line of all lists of files, which apt brings into a folder."""
    printed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)"], check=True, capture_output=True, text=True
    ).stdout
    (mirror, *_) = (line.split()[0] for line in printed.splitlines() if re.fullmatch(r"\S+/debian/ main", line))
    (folder / "apt.conf").write_text(CONTENTS)
    (folder / "sources.list").write_text(
        "".join(f"deb [signed-by={KEYRING} arch=amd64] {mirror} {release} main\n" for release in RELEASES)
    )
    places = {"Dir::State::lists": "lists", "Dir::Cache": "cache", "Dir::Etc::sourcelist": "sources.list"}
    options = [f"-o{key}={folder / name}" for key, name in places.items()]
    apt = [
        "apt-get",
        "-c",
        str(folder / "apt.conf"),
        *options,
        "-oDir::Etc::sourceparts=-",
        "-oAPT::Sandbox::User=root",
    ]
    (folder / "lists" / "partial").mkdir(parents=True)
    subprocess.run([*apt, "-q", "update"], check=True, stdout=sys.stderr)
    for release in RELEASES:
        for path in sorted((folder / "lists").glob(f"*_{release}_main_Contents-*")):
            command = ["/usr/lib/apt/apt-helper", "cat-file", str(path)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    yield release, line


def names(line: str) -> Iterator[tuple[str, str, str]]:
    """Yield kind, name and package of what a line of a list of files has for a build."""
    path, _, owners = line.rstrip().rpartition(" ")
    if not path.startswith(("usr/", "bin/")):
        return
    for kind, pattern in _PLACES:
        if match := pattern.fullmatch(path.rstrip()):
            for owner in owners.split(","):
                package = owner.rpartition("/")[2]
                if not _OTHERS.fullmatch(package) and (kind == "x" or package.endswith("-dev")):
                    yield kind, match["name"], package
            return


def spellings(header: str) -> Iterator[tuple[str, int]]:
    """Yield how a header may be included, folders as wholes, with how far that is from where it lies."""
    parts = header.split("/")
    for far in range(min(3, len(parts))):
        rest = parts[far:]
        if len(rest) > 1:
            if far < 2:
                yield f"{rest[0]}/", far
            if len(rest) == 2 and far == 0 and header.endswith(".h"):
                yield header, far
        elif far == 0 or rest[0].endswith(".h"):
            yield rest[0], far


def table(lines: Iterator[tuple[str, str]]) -> dict[str, tuple[set[str], set[str]]]:
    """Return releases and names by package."""
    votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    nearest: dict[tuple[str, str], int] = {}
    releases: dict[str, set[str]] = defaultdict(set)
    for release, line in lines:
        for kind, name, package in names(line):
            releases[package].add(release)
            for key, far in spellings(name) if kind == "h" else [(name, 0)]:
                best = nearest.setdefault((kind, key), far)
                if far < best:
                    nearest[kind, key] = far
                    votes[kind, key].clear()
                if far <= nearest[kind, key]:
                    votes[kind, key][package] += 1
    rows: dict[str, tuple[set[str], set[str]]] = {}
    for (kind, key), counted in votes.items():
        folder = f"{key.partition('/')[0]}/"
        if kind == "h" and key not in (folder, folder[:-1]) and len(votes[kind, folder]) <= MANY:
            continue  # the folder stands for it
        for package in chosen(counted, releases):
            rows.setdefault(package, (releases[package], set()))[1].add(f"{kind}:{key}")
    return rows


def chosen(counted: Counter[str], releases: dict[str, set[str]]) -> list[str]:
    """Return the packages that stand for a name: for each release the one that has most of it, none where many do."""
    if len(counted) > MANY:
        return []
    found = []
    for release in RELEASES:
        there = [(-count, len(package), package) for package, count in counted.items() if release in releases[package]]
        if there:
            found.append(min(there)[2])
    return sorted(set(found))


def main(path: Path) -> None:
    """Write the table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = table(lists(Path(folder)))
    text = HEAD.format(releases=", ".join(RELEASES))
    for package, (releases, has) in sorted(rows.items()):
        if sum(name.startswith("h:") and "/" not in name for name in has) > MOST:
            has = {name for name in has if not name.startswith("h:") or "/" in name}
        where = "*" if len(releases) == len(RELEASES) else ",".join(each for each in RELEASES if each in releases)
        text += f"{package}\t{where}\t{' '.join(sorted(has))}\n"
    path.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
