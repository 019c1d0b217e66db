"""What the user's pip is configured for, asked from pip itself: files, environment and built-in default."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from wheelyard.domain.errors import ConfigError, UpstreamError
from wheelyard.domain.index import IndexSource
from wheelyard.io import files
from wheelyard.io.http_model import HttpSettings
from wheelyard.io.process import run
from wheelyard.io.urls import origin, separate, userinfo, without_userinfo

_LINE = re.compile(r"^(?P<section>:env:|[a-z-]+)\.(?P<key>[a-z-]+)=(?P<value>.*)$", re.MULTILINE)
_DEFAULT = re.compile(r"--index-url <url>(?P<text>.*?)\n\s*--", re.DOTALL)
_URL = re.compile(r"https?://[^\s)]+")
_ORDER = ("global", "install", "download", ":env:")


@dataclass(frozen=True, slots=True, kw_only=True)
class PipSettings:
    """pip's own settings that say where files come from and how to get at them."""

    indexes: tuple[IndexSource, ...]
    """What was added on purpose comes first, as for uv: find-links, extra-index-url, index-url. URLs are without user
    name and password."""
    proxy: str | None = field(default=None, repr=False)
    ca_bundle: Path | None = None
    client_certificate: Path | None = None
    trusted_hosts: frozenset[str] = frozenset()
    timeout: float | None = None
    retries: int | None = None
    secrets: Mapping[tuple[str, str, int], tuple[str, str]] = field(default_factory=dict, repr=False)
    """User name and password that a configured URL held, by origin (scheme, host, port). Never written anywhere."""

    def http(self) -> HttpSettings:
        """Return the settings of the HTTP door that follow from these."""
        base = HttpSettings()
        return HttpSettings(
            proxy=self.proxy,
            ca_bundle=self.ca_bundle,
            client_certificate=self.client_certificate,
            trusted_hosts=self.trusted_hosts,
            connect_timeout=max(base.connect_timeout, min(self.timeout or 0, 60)),
            read_timeout=self.timeout or base.read_timeout,
            retries=base.retries if self.retries is None else self.retries,
        )


def configured(cache: Path | None = None, *, python: str = sys.executable) -> PipSettings:
    """Return what the pip of ``python`` is configured for; without pip, what ``PIP_*`` variables say.

    :param cache: folder to remember pip's answer in (asking costs a second) until its files, its version or the
        environment change. An answer that holds a secret is not remembered.
    :raises ConfigError: if a value cannot be understood.
    """
    answer = _remembered(cache, python)
    if answer is None:
        answer = _ask(python)
        if cache is not None and not any(sign in json.dumps(answer["values"]) for sign in "@?"):
            files.write(_memory(cache, python), json.dumps(answer, sort_keys=True), mode=0o600, sync=False)
    return interpret(answer["values"], default=answer["default"])


def interpret(values: Mapping[str, str], *, default: str | None) -> PipSettings:
    """Turn pip's option values into settings; ``default`` is the index where none is configured, else it may be None.

    :raises ConfigError: if a value cannot be understood.
    """
    secrets: dict[tuple[str, str, int], tuple[str, str]] = {}
    trusted = frozenset(host.lower() for host in values.get("trusted-host", "").split())
    places: list[tuple[str, str, str]] = []
    links = values.get("find-links", "").split()
    places += [(f"find-links-{number}", url, "find-links") for number, url in enumerate(links, 1)]
    if values.get("no-index", "").lower() not in ("1", "true", "yes", "on", "t", "y"):
        extra = values.get("extra-index-url", "").split()
        places += [(f"extra-{number}", url, "simple") for number, url in enumerate(extra, 1)]
        if last := values.get("index-url", default or "").strip():
            places.append(("default", last, "simple"))
    indexes = []
    for name, place, kind in places:
        try:
            url, secret = separate(place) if "://" in place else (place, None)
            key = origin(url)
        except (ValueError, UpstreamError) as error:
            why = error.message if isinstance(error, UpstreamError) else str(error)
            raise ConfigError(
                f"this is not a URL: {why}", where=f"pip's configuration, {name}", hint="correct it"
            ) from None
        if secret is not None:
            secrets[key] = secret
        host, port = key[1:]
        indexes.append(
            IndexSource(
                name=name,
                url=url,
                kind="simple" if kind == "simple" else "find-links",
                trusted=bool({host, f"{host}:{port}"} & trusted),
            )
        )
    return PipSettings(
        indexes=tuple(indexes),
        proxy=values.get("proxy") or None,
        ca_bundle=Path(values["cert"]).expanduser() if values.get("cert") else None,
        client_certificate=Path(values["client-cert"]).expanduser() if values.get("client-cert") else None,
        trusted_hosts=trusted,
        timeout=_number(values, "timeout", _number(values, "default-timeout", None)),
        retries=None if (retries := _number(values, "retries", None)) is None else int(retries),
        secrets=secrets,
    )


def split_secret(url: str) -> tuple[str, tuple[str, str] | None]:
    """Return a URL without user name and password, and these."""
    secret = userinfo(url)
    return (url, None) if secret is None else (without_userinfo(url), secret)


def _number(values: Mapping[str, str], key: str, otherwise: float | None) -> float | None:
    if key not in values:
        return otherwise
    try:
        return float(values[key])
    except ValueError:
        raise ConfigError(f"{key} is not a number: {values[key]}", where="pip's configuration") from None


def _ask(python: str) -> dict[str, Any]:
    """Ask pip for its values, its default index and the files it would read."""
    listed = run([python, "-m", "pip", "config", "list"], timeout=60)
    if listed.returncode != 0:
        return {"values": _environment_values(), "default": None, "files": {}}
    found: dict[str, dict[str, str]] = {}
    for match in _LINE.finditer(listed.output):
        found.setdefault(match["section"], {})[match["key"]] = str(ast.literal_eval(match["value"]))
    values = {key: value for section in _ORDER for key, value in found.get(section, {}).items()}
    default = None if "index-url" in values else _built_in_index(python)
    debug = run([python, "-m", "pip", "config", "debug"], timeout=60)
    paths = re.findall(r"^  (\S.*), exists: (?:True|False)$", debug.output, re.MULTILINE)
    return {"values": values, "default": default, "files": {path: _mtime(path) for path in paths}}


def _built_in_index(python: str) -> str | None:
    """Return the index that pip asks where none is configured, as its help tells it."""
    told = run([python, "-m", "pip", "download", "--help"], env={**_without_pip(), "COLUMNS": "200"}, timeout=60)
    said = _DEFAULT.search(told.output)
    url = _URL.search(said["text"]) if said else None
    return url[0] if url else None


def _environment_values() -> dict[str, str]:
    return {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in os.environ.items()
        if name.startswith("PIP_") and value
    }


def _without_pip() -> dict[str, str]:
    """Return the environment without pip's variables: its help shows their values as the default."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}


def _mtime(path: str) -> int | None:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return None


def _memory(cache: Path, python: str) -> Path:
    relevant = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "XDG_", "HOME"))}
    try:
        version = metadata.version("pip") if python == sys.executable else ""
    except metadata.PackageNotFoundError:
        version = ""
    key = json.dumps([python, version, relevant], sort_keys=True)
    return cache / f"pip-{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"


def _remembered(cache: Path | None, python: str) -> dict[str, Any] | None:
    if cache is None:
        return None
    try:
        answer = json.loads(_memory(cache, python).read_bytes())
        if answer["files"] and all(_mtime(path) == seen for path, seen in answer["files"].items()):
            return dict(answer)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return None
