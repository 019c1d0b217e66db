"""An sdist whose backend has to be asked."""

from __future__ import annotations

from tests.support.locking import Place
from tests.support.packages import make_sdist, metadata

# A backend of twenty lines: its requirements and metadata come from files of the sdist.
BACKEND = """
import os, pathlib, sys

def _lines(name):
    path = pathlib.Path(name)
    return path.read_text().split() if path.exists() else []

def get_requires_for_build_wheel(config_settings=None):
    return _lines("dynamic.txt")

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    import json
    import socket
    try:
        socket.create_connection(("127.0.0.1", int(open("port.txt").read())), 2)
        raise SystemExit("the network is there")
    except (OSError, ValueError):
        pass
    info = json.load(open("info.json"))
    folder = "%(name)s-%(version)s.dist-info" % info
    os.makedirs(os.path.join(directory, folder))
    with open(os.path.join(directory, folder, "METADATA"), "w") as stream:
        stream.write("Metadata-Version: 2.1\\nName: %(name)s\\nVersion: %(version)s\\n" % info)
        for line in info["requires"]:
            stream.write("Requires-Dist: %s\\n" % line)
    return folder

def build_wheel(directory, config_settings=None, metadata_directory=None):
    import base64, hashlib, json, zipfile
    info = json.load(open("info.json"))
    name = "%(name)s-%(version)s" % info
    members = {
        "%(name)s.py" % info: "",
        name + ".dist-info/METADATA": "Metadata-Version: 2.1\\nName: %(name)s\\nVersion: %(version)s\\n" % info,
        name + ".dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    record = ""
    for path, text in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\\n" % (path, digest, len(text))
    members[name + ".dist-info/RECORD"] = record + name + ".dist-info/RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(directory, name + "-py3-none-any.whl"), "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return name + "-py3-none-any.whl"
"""


def sdist(
    place: Place,
    name: str,
    version: str = "1.0",
    *,
    static: tuple[str, ...] = (),
    dynamic: tuple[str, ...] = (),
    requires: tuple[str, ...] = (),
    backend: str = "own",
) -> None:
    """Write an sdist that brings its own backend, and tells nothing without running it."""
    import json

    listed = ", ".join(f'"{line}"' for line in static)
    system = f'requires = [{listed}]\nbuild-backend = "{backend}"\nbackend-path = ["."]\n'
    files = {
        "pyproject.toml": f"[build-system]\n{system}",
        "own.py": BACKEND,
        "dynamic.txt": "\n".join(dynamic),
        "port.txt": place.server.url.split(":")[2].split("/")[0],
        "info.json": json.dumps({"name": name, "version": version, "requires": list(requires)}),
        "PKG-INFO": metadata(name, version),
    }
    make_sdist(place.files, name, version, files)
