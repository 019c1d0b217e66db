"""Repositories: which commit a branch or tag is, and a checkout of it, by the program git.

A repository is as hostile as any file from outside. Nothing of it is run: no hooks, no filters but those of LFS, no
transports but the usual ones, and none of files of this machine unless the repository itself is one. Git asks nobody
for a password; user names and passwords are given to it in its environment, never as words of a command.
"""

from __future__ import annotations

import base64
import difflib
import functools
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wheelyard.domain.command import Completed
from wheelyard.domain.errors import ConfigError, ToolError, UpstreamError
from wheelyard.domain.redact import hide
from wheelyard.domain.repository import Commit, Repository
from wheelyard.io import process
from wheelyard.io.temporary import temporary_folder

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ABBREVIATED = re.compile(r"[0-9a-f]{7,63}")
_SECONDS = 3600.0
_OLDEST = (2, 31)
"""Since then git takes configuration from its environment, which we shut it in with."""

_PASSED_ON = (
    "HOME", "PATH", "USER", "LOGNAME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
    "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
)  # fmt: skip
"""What of our environment git and ssh need to reach a server as the user would."""

_SHUT_IN = {
    "core.hooksPath": os.devnull,
    "init.templateDir": "",
    "core.fsmonitor": "false",
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.autocrlf": "false",
    "core.askPass": "",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "credential.interactive": "false",
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    # What a server sends is checked, save for mistakes that many an old repository has and that harm nobody.
    "transfer.fsckObjects": "true",
    **{
        f"{command}.fsck.{mistake}": "ignore"
        for command in ("fetch", "receive")
        for mistake in ("badTimezone", "missingSpaceBeforeDate", "zeroPaddedFilemode", "missingEmail", "badDate",
                        "missingNameBeforeEmail", "missingSpaceBeforeEmail", "badEmail", "missingTaggerEntry",
                        "zeroPaddedDate")
    },
}  # fmt: skip

_LFS = {
    "filter.lfs.process": "git-lfs filter-process",
    "filter.lfs.smudge": "git-lfs smudge -- %f",
    "filter.lfs.clean": "git-lfs clean -- %f",
    "filter.lfs.required": "true",
}


@dataclass(frozen=True, slots=True)
class Git:
    """The program, and what it may tell servers."""

    credentials: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    """User name and password by ``scheme://host[:port]``."""

    def commit(self, repository: Repository) -> Commit:
        """Return the commit that a repository's branch, tag or (abbreviated) commit is at this moment.

        A branch is meant before a tag of the same name, as for pip. A whole hash is believed, and asks nobody.

        :raises ConfigError: if the repository has no such thing.
        :raises UpstreamError: if it does not answer.
        :raises ToolError: if there is no usable git.
        """
        asked = repository.revision
        if asked is not None and _HASH.fullmatch(asked):
            return Commit(repository=repository, commit=asked)
        for name in _places(asked):
            # A tag with a message is an object of its own: what it points to is behind ^{}.
            refs = self._refs(repository, name, f"{name}^{{}}")
            if found := refs.get(f"{name}^{{}}") or refs.get(name):
                return Commit(repository=repository, commit=found)
        if asked is not None and _ABBREVIATED.fullmatch(asked) and (found := self._whole(repository, asked)):
            return Commit(repository=repository, commit=found)
        raise ConfigError(
            f"the repository has no branch, tag or commit {asked}" if asked else "the repository is empty",
            where=repository.url,
            hint=_near(asked, self._refs(repository), repository.url) if asked else "commit the project to it first",
        )

    def checkout(self, commit: Commit, into: Path) -> None:
        """Make a checkout of a commit in a new folder, with all history, tags, submodules and files of LFS.

        History comes without the contents of files, where the server can do that: a version that is made of tags and
        commits needs no more.

        :raises UpstreamError: if the repository, or a submodule's, does not answer or has no such commit any more.
        :raises ToolError: if there is no usable git, or no git-lfs where it is needed.
        """
        url = commit.repository.url
        self._must(commit, "clone", "--quiet", "--no-checkout", "--filter=blob:none", "--", url, str(into))
        here = ("-C", str(into))
        if self._run(url, *here, "cat-file", "-e", f"{commit.commit}^{{commit}}").returncode != 0:
            # Of no branch or tag: a pull request's, or one that a branch was moved away from.
            done = self._run(url, *here, "fetch", "--quiet", "origin", commit.commit)
            if done.returncode != 0:
                raise UpstreamError(
                    f"has no commit {commit.commit} any more: {_said(done)}",
                    where=url,
                    hint="its branch was most likely rewritten; lock anew with --upgrade-package NAME",
                )
        self._must(commit, *here, "checkout", "--quiet", "--detach", commit.commit)
        self._must(commit, *here, "submodule", "--quiet", "update", "--init", "--recursive")
        if not _has_lfs():
            self._refuse_lfs(commit, into)

    def _refs(self, repository: Repository, *names: str) -> dict[str, str]:
        done = self._run(repository.url, "ls-remote", "--quiet", "--", repository.url, *names)
        if done.returncode != 0:
            raise _unreachable(repository, done)
        rows = (line.split("\t") for line in done.output.splitlines())
        return {row[1]: row[0] for row in rows if len(row) == 2 and _HASH.fullmatch(row[0])}

    def _whole(self, repository: Repository, asked: str) -> str | None:
        """Return the hash that an abbreviated one stands for: only who has all commits knows."""
        with temporary_folder("git") as folder:
            into = folder / "commits"
            url = repository.url
            done = self._run(url, "clone", "--quiet", "--bare", "--filter=tree:0", "--", url, str(into))
            if done.returncode != 0:
                raise _unreachable(repository, done)
            said = self._run(url, "-C", str(into), "rev-parse", "--verify", "--quiet", f"{asked}^{{commit}}")
            return said.output.strip() if said.returncode == 0 else None

    def _refuse_lfs(self, commit: Commit, folder: Path) -> None:
        """See that no file of a checkout is a mere pointer to its content."""
        url = commit.repository.url
        modules = self._must(commit, "-C", str(folder), "submodule", "--quiet", "status", "--recursive").output
        inside = (re.sub(r" \([^()]*\)$", "", line[1:]).partition(" ")[2] for line in modules.splitlines())
        for part in ("", *inside):
            listed = self._run(url, "-C", str(folder / part), "ls-files", "--", ":(attr:filter=lfs)").output
            if listed:
                raise ToolError(
                    f"{listed.splitlines()[0]} is kept by Git LFS, and there is no git-lfs here",
                    where=commit.repository.shown,
                    hint="install git-lfs",
                )

    def _must(self, commit: Commit, *words: str) -> Completed:
        done = self._run(commit.repository.url, *words)
        if done.returncode != 0:
            raise _unreachable(commit.repository, done)
        return done

    def _run(self, url: str, *words: str) -> Completed:
        return process.run([_program(), *words], env=self._environment(url), timeout=_SECONDS)

    def _environment(self, url: str) -> dict[str, str]:
        scheme = url.partition("://")[0]
        settings = {**_SHUT_IN, **_no_filters(), **(_LFS if _has_lfs() else {}), **dict(self._secrets())}
        environment = {
            **_passed_on(),
            "LC_ALL": "C.UTF-8",
            "GIT_TERMINAL_PROMPT": "0",
            # Submodules too: none of an unsafe kind, and no files of this machine for a repository of another.
            "GIT_ALLOW_PROTOCOL": ":".join(sorted({"https", "ssh", scheme})),
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        environment.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        for number, (key, value) in enumerate(settings.items()):
            environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return environment

    def _secrets(self) -> Iterator[tuple[str, str]]:
        for place, (user, password) in self.credentials.items():
            if password:
                encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
                yield f"http.{place}/.extraHeader", f"Authorization: Basic {encoded}"
            else:
                yield f"credential.{place}.username", user


def _places(asked: str | None) -> Sequence[str]:
    if asked is None:
        return ("HEAD",)
    return (asked,) if asked.startswith("refs/") else (f"refs/heads/{asked}", f"refs/tags/{asked}")


def _passed_on() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


@functools.cache
def _program() -> str:
    """Return the path of git.

    :raises ToolError: if there is none, or it is too old.
    """
    program = shutil.which("git")
    if program is None:
        raise ToolError(
            "the program git is missing, which requirements of the kind git+https:// need",
            hint="install git, or require an sdist of the project",
        )
    said = process.run([program, "version"], env=_passed_on(), timeout=60).output
    version = re.search(r"(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < _OLDEST:
        raise ToolError(
            f"{said.strip() or 'git'} is too old",
            where=program,
            hint=f"install git {'.'.join(map(str, _OLDEST))} or newer",
        )
    return program


@functools.cache
def _has_lfs() -> bool:
    return shutil.which("git-lfs") is not None


@functools.cache
def _no_filters() -> dict[str, str]:
    """Return settings that turn off the filters that the user has for own repositories: any file could ask for one."""
    command = [_program(), "config", "--name-only", "--get-regexp", r"^filter\."]
    names = set(process.run(command, cwd=Path("/"), env=_passed_on(), timeout=60).output.split())
    return {name: "false" if name.endswith(".required") else "" for name in sorted(names)}


def _unreachable(repository: Repository, done: Completed) -> UpstreamError:
    if done.timed_out:
        return UpstreamError(f"git did not end within {_SECONDS:g} seconds", where=repository.shown, hint="try again")
    return UpstreamError(
        f"the repository cannot be had: {_said(done)}",
        where=repository.shown,
        hint="check its address, and that you may read it without being asked: git ls-remote " + repository.url,
    )


def _said(done: Completed) -> str:
    """Return what git said was wrong, in one line."""
    lines = [hide(line.strip()) for line in done.errors.splitlines() if line.strip()]
    wrong = [re.sub(r"^(fatal|error|remote): ", "", line) for line in lines if line.startswith(("fatal:", "error:"))]
    return "; ".join(dict.fromkeys(wrong or lines[-3:]))[:600] or "git said nothing"


def _near(asked: str, refs: Mapping[str, str], url: str) -> str:
    found = (re.fullmatch(r"refs/(?:heads|tags)/([^^]+)", ref) for ref in refs)
    near = difflib.get_close_matches(asked, [match[1] for match in found if match], n=2, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"see what it has: git ls-remote {url}"
