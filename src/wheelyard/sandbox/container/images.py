"""Container images: found, pulled if need be, pinned by digest, checked for the right CPU and Python, and derived."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wheelyard.domain.errors import ConfigError, ToolError
from wheelyard.sandbox.container.engine import RUN_LABEL, Engine, own_message, this_run

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CPUS = {"x86_64": "amd64", "aarch64": "arm64", "i686": "386", "armv7l": "arm"}
"""The engines' words for CPUs, where they are not the platform tags' own."""

_PACKAGE = re.compile(r"[A-Za-z0-9/][A-Za-z0-9.+_:~/()-]*(=[A-Za-z0-9.+_:~-]+)?")
"""A name, with a version where the manager has it so; or what a package provides: ``pkgconfig(cairo)``, ``pc:cairo``,
``/usr/bin/swig``."""
_TAG = re.compile(r":[^:/]+\Z")
_DERIVING = threading.Lock()
_PULL, _INSTALL = 3600.0, 1800.0
"""Seconds."""

# Which package manager an image has, it knows itself.
_INSTALLER = r"""
set -e
if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq install --no-install-recommends -y -- "$@"
  rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
elif command -v dnf >/dev/null; then
  dnf -q -y --setopt=install_weak_deps=False install -- "$@"; dnf -q clean all
elif command -v yum >/dev/null; then
  yum -q -y install -- "$@"; yum -q clean all
elif command -v apk >/dev/null; then
  apk add -q --no-cache -- "$@"
else
  echo "there is no apt-get, dnf, yum or apk in this image" >&2
  exit 1
fi
"""


class NotPulledError(ToolError):
    """An image is not here, and only looking was allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that the engine has."""

    name: str
    """As it was asked for, without a digest."""
    id: str
    """Digest of its configuration: what containers are started from, so that nothing can change below us."""
    identity: str
    """The registry's digest where it is known, else that of the configuration: goes into build keys and locks."""
    architecture: str
    """In the engines' words: ``amd64``, ``arm64``."""
    search_path: str = _DEFAULT_PATH
    """Its own ``PATH``."""

    @property
    def pinned(self) -> str:
        """The name with the digest behind it, as a lock names it."""
        return f"{self.name}@{self.identity}"


def resolve(engine: Engine, name: str, machine: str) -> Image:
    """Return the image of that name (``name:tag``, ``name@sha256:…``) for a CPU; pulled if the engine has it not.

    :param machine: the target's CPU: ``x86_64``, ``aarch64``.
    :raises ToolError: if there is none, it cannot be pulled, or it is of another CPU.
    """
    wanted = _CPUS.get(machine, machine)
    image = _inspect(engine, name)
    if image is None or (image.architecture != wanted and not _is_local(name)):
        _pull(engine, name, wanted)
        image = _inspect(engine, name)
    if image is None:
        raise ToolError(f"there is no image {name}", hint="is the name right?")
    if image.architecture != wanted:
        raise ToolError(
            f"the image is for {image.architecture}, the target's CPU is {machine}",
            where=f"image {name}",
            hint=f"name an image for {wanted}",
        )
    return image


def is_here(engine: Engine, name: str) -> bool:
    """Whether the engine has an image of that name, so that nothing has to be pulled."""
    return _inspect(engine, name) is not None


def derive(engine: Engine, base: Image, packages: Sequence[str]) -> Image:
    """Return an image with the distribution's own packages added; made once for the same base and packages.

    Making it is the one moment at which a container has a network: only the image's package manager runs then.

    :raises ConfigError: if a package's name is none.
    :raises ToolError: if the image has no package manager, or it fails; with its own message.
    """
    chosen = sorted(set(packages))
    if not chosen:
        return base
    for package in chosen:
        if not _PACKAGE.fullmatch(package):
            raise ConfigError(f"not the name of a package: {package!r}", where="image-packages")
    recipe = hashlib.sha256("\n".join([base.identity, _INSTALLER, *chosen]).encode()).hexdigest()
    name = f"localhost/wheelyard-derived:{recipe[:32]}"
    with _DERIVING:
        image = _inspect(engine, name)
        if image is None or image.architecture != base.architecture:
            if not engine.pulls:
                raise NotPulledError(
                    f"{', '.join(chosen)} would be installed into it first, which is not done while a build is only "
                    "foretold",
                    where=f"image {base.name}",
                    hint="run the build",
                )
            _install(engine, base, chosen, name)
            image = _inspect(engine, name)
    if image is None:
        raise ToolError(f"{engine.kind} did not keep the image that it made", where=f"image {name}")
    return image


def _install(engine: Engine, base: Image, packages: Sequence[str], name: str) -> None:
    """Install packages in a container with a network, and commit it as the image ``name``."""
    container = f"wheelyard-{secrets.token_hex(8)}"
    start = ["run", "--name", container, "--label", f"{RUN_LABEL}={this_run()}", "--user=0:0", "--pull=never"]
    start += [f"--platform=linux/{base.architecture}", *engine.own_limits(), "--entrypoint=/bin/sh", base.id]
    try:
        done = engine.call(*start, "-c", _INSTALLER, "sh", *packages, timeout=_INSTALL)
        if done.returncode != 0:
            raise ToolError(
                f"cannot install {', '.join(packages)} into it: {_last(done.errors or done.output)}",
                where=f"image {base.name}",
                hint="are these packages of the image's distribution, and is its mirror within reach?",
            )
        engine.ask("commit", container, name, timeout=_INSTALL)
    finally:
        engine.end(container)


def _reference(name: str) -> str:
    """Return what an engine calls an image: one that was made here only has the digest of its configuration."""
    base, _, digest = name.partition("@")
    if not digest:
        return name
    return digest.removeprefix("sha256:") if _is_local(base) else f"{_TAG.sub('', base)}@{digest}"


def _pull(engine: Engine, name: str, architecture: str) -> None:
    if _is_local(name) and "@" in name:
        raise ToolError(
            f"there is no image {name.partition('@')[0]} with the digest that the lock names",
            hint="`wheelyard lock --upgrade` pins the one that is there",
        )
    if _is_local(name):
        raise ToolError(f"there is no image {name}", hint="`make image` makes the project's own; `docker/debian.sh`")
    if not engine.pulls:
        raise NotPulledError(
            "it is not here, and is not pulled while a build is only foretold",
            where=f"image {name}",
            hint=f"{engine.kind} pull {name}, or run the build",
        )
    done = engine.call("pull", f"--platform=linux/{architecture}", _reference(name), timeout=_PULL)
    if done.returncode != 0:
        raise ToolError(
            f"cannot pull it: {own_message(done)}",
            where=f"image {name}",
            hint="check the name and the network, or make an image without a registry: docker/debian.sh builder",
        )


def _is_local(name: str) -> bool:
    """Whether an image was made on this machine, so that no registry can have it."""
    return name.startswith("localhost/") or re.fullmatch(r"(sha256:)?[0-9a-f]{12,64}", name) is not None


def _inspect(engine: Engine, name: str) -> Image | None:
    done = engine.call("image", "inspect", _reference(name))
    if done.returncode != 0:
        return None
    data: dict[str, Any] = json.loads(done.output)[0]
    config = data.get("Config") or {}
    name, _, asked_for = name.partition("@")
    id_ = "sha256:" + str(data["Id"]).removeprefix("sha256:")
    # Of several digests (the list's, the one of this CPU), the one that was asked for, else the same one each time.
    found = (RepoDigest.partition("@") for RepoDigest in data.get("RepoDigests") or ())
    digests = sorted((digest != asked_for, digest) for base, _, digest in found if not base.startswith("localhost/"))
    path = next((line[5:] for line in config.get("Env") or () if line.startswith("PATH=")), _DEFAULT_PATH)
    return Image(
        name=name,
        id=id_.removeprefix("sha256:"),
        identity=digests[0][1] if digests else id_,
        architecture=str(data["Architecture"]),
        search_path=path,
    )


def _last(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines()[-4:] if line.strip())[:600] or "no message"
