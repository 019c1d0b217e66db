"""Where builds can run: sandboxes, container engines, emulation of other CPUs."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from wheelyard.doctor.attempt import attempt, said
from wheelyard.doctor.model import Finding, by_family
from wheelyard.domain.errors import ToolError
from wheelyard.sandbox.container.engine import find_engine


def bubblewrap() -> Finding:
    """Try to cut off network and file system."""
    purpose = "builds without network, and without sight of your files"
    ended = attempt(
        "bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--unshare-all", "--die-with-parent", "/bin/sh", "-c", ":"
    )
    if ended is None:
        packages = by_family("bubblewrap", "bubblewrap", "bubblewrap")
        return Finding(name="bubblewrap", status="missing", purpose=purpose, detail="no bwrap", packages=packages)
    if ended.returncode != 0:
        detail = f"does not run here: {said(ended)}"
        return Finding(name="bubblewrap", status="partial", purpose=purpose, detail=detail, advice=_name_space_advice())
    return Finding(name="bubblewrap", status="ok", purpose=purpose, detail="runs")


def unshare() -> Finding:
    """Try to make the name spaces that cut off network and file system."""
    purpose = "the same where bubblewrap does not run"
    as_user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    ended = attempt("unshare", *as_user, "--mount", "--net", "--pid", "--fork", "/bin/sh", "-c", ":")
    if ended is None:
        packages = by_family("util-linux", "util-linux", "util-linux")
        return Finding(name="name spaces", status="missing", purpose=purpose, detail="no unshare", packages=packages)
    if ended.returncode != 0:
        return Finding(
            name="name spaces", status="partial", purpose=purpose, detail=said(ended), advice=_name_space_advice()
        )
    return Finding(name="name spaces", status="ok", purpose=purpose, detail="can be made")


def _name_space_advice() -> str:
    """Return what keeps an ordinary user from making name spaces on this kernel."""
    for name, closed, advice in (
        ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
        ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
    ):
        try:
            if Path("/proc/sys", name).read_text().strip() == closed:
                return f"an administrator can allow it: {advice}"
        except OSError:
            continue
    return "inside a container: start it so that it may make name spaces (--security-opt seccomp=unconfined)"


def engine(program: str | None = None, arguments: Sequence[str] = ()) -> Finding:
    """Try to start a container, by the program that ``[build] engine`` names, else by podman, then docker."""
    purpose = "builds and proofs in the very kind of host that a target is"
    refused: list[str] = []
    for name in (program,) if program else ("podman", "docker"):
        ended = attempt(name, "--version")
        if ended is None:
            continue
        try:
            refusal = find_engine(shutil.which(name), arguments).try_start()
        except ToolError as error:
            refused.append(error.message)
            continue
        if refusal is None:
            version = re.search(r"\d+\.\d+(\.\d+)?", ended.output)
            detail = f"{Path(name).name} {version[0] if version else ''}".strip()
            return Finding(name="container engine", status="ok", purpose=purpose, detail=f"{detail} starts containers")
        refused.append(f"{name} starts no container: {refusal}")
    if refused:
        advice = "podman needs no service; docker needs its daemon and your user in the group docker"
        return Finding(
            name="container engine", status="partial", purpose=purpose, detail="; ".join(refused), advice=advice
        )
    return Finding(
        name="container engine",
        status="missing",
        purpose=purpose,
        detail=f"no {program}" if program else "neither podman nor docker",
        packages=by_family("podman", "podman", "podman"),
    )


def emulation() -> Finding:
    """Look whether the kernel starts programs of the other common CPU."""
    here = platform.machine()
    other = "x86_64" if here in ("aarch64", "arm64") else "aarch64"
    purpose = f"builds for {other} on this {here} machine"
    try:
        registered = Path(f"/proc/sys/fs/binfmt_misc/qemu-{other}").read_text("utf-8")
    except OSError:
        registered = ""
    if registered.startswith("enabled"):
        flags = re.search(r"^flags: (.*)$", registered, re.MULTILINE)
        if flags and "F" in flags[1]:
            return Finding(name="emulation", status="ok", purpose=purpose, detail=f"qemu-{other} is registered")
        return Finding(
            name="emulation",
            status="partial",
            purpose=purpose,
            detail=f"qemu-{other} is registered without the flag F, so containers do not see it",
            packages=by_family("qemu-user-static binfmt-support", "qemu-user-static", ""),
        )
    there = any(shutil.which(f"qemu-{other}{suffix}") for suffix in ("-static", ""))
    return Finding(
        name="emulation",
        status="partial" if there else "missing",
        purpose=purpose,
        detail="qemu is there, but not registered with the kernel" if there else "no qemu user emulation",
        packages=by_family("qemu-user-static binfmt-support", "qemu-user-static", ""),
        advice="systemctl restart systemd-binfmt, or as root: mount -t binfmt_misc none /proc/sys/fs/binfmt_misc"
        if there
        else "RHEL has no package of it: build there for its own CPU, or on Fedora or Debian",
    )
