"""``sitecustomize`` of a cross build: makes the machine's Python answer as the target's would.

Copied beside ``cross.json`` into a folder that only the hooks of a build have on their ``PYTHONPATH``. What is run
(importing compiled modules, starting programs) stays the machine's. For the target's Python from 3.6 on.
"""

import json
import os
import sys


def _believe() -> None:
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "cross.json")) as stream:
        said = json.load(stream)
    if list(sys.version_info[:2]) != said["python"] or sys.prefix == getattr(sys, "base_prefix", sys.prefix):
        return  # another Python of this machine: it is not asked about the target
    # These look at the platform when they are imported, for what they do themselves.
    import importlib.machinery
    import platform
    import shutil  # noqa: F401
    import subprocess  # noqa: F401
    import sysconfig

    os.environ["_PYTHON_HOST_PLATFORM"] = said["platform"]
    own = os.uname()
    os.uname = lambda: os.uname_result(
        (said["system"], own[1], said["release"] or own[2], said["release"] or own[3], said["machine"])
    )
    if said["mac_ver"]:
        version = (said["mac_ver"], ("", "", ""), said["machine"])
        platform.mac_ver = lambda *_, **__: version
    if said["libc"]:
        platform.libc_ver = lambda *_, **__: (said["libc"][0], said["libc"][1])
    if hasattr(platform, "_uname_cache"):
        platform._uname_cache = None
    sys.platform = said["sys_platform"]
    if hasattr(sys.implementation, "_multiarch"):
        setattr(sys.implementation, "_multiarch", said["multiarch"])  # noqa: B010  (no type checker knows it)
    vars(importlib.machinery)["EXTENSION_SUFFIXES"] = said["suffixes"]
    schemes = getattr(sysconfig, "_INSTALL_SCHEMES", {})
    for name in schemes:
        if "nt" not in name.split("_") and "user" not in name:
            schemes[name].update(include=said["include"], platinclude=said["include"])


_believe()
