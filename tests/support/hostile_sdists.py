"""A backend that builds a good wheel and then leaves traps at every place of its workspace that the host may touch."""

from __future__ import annotations

from pathlib import Path

PLANT = """
_good = build_wheel
KIND, OUTSIDE = %(kind)r, %(outside)r


def _plant(path):
    victim = os.path.join(OUTSIDE, "precious")
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        os.rename(path, path + ".was")
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path))
    if KIND == "link to a file":
        os.symlink(victim, path)
    elif KIND == "link to a folder":
        os.symlink(OUTSIDE, path)
    elif KIND == "link to nothing yet":
        os.symlink(os.path.join(OUTSIDE, "new"), path)
    elif KIND == "fifo":
        os.mkfifo(path)
    elif KIND == "hard link":
        os.link(_own_file, path)
    elif KIND == "folder":
        os.makedirs(path + "/a/b")
        os.chmod(path, 0)


def build_wheel(directory, config_settings=None, metadata_directory=None):
    global _own_file
    name = _good(directory, config_settings, metadata_directory)
    _own_file = os.path.abspath("linked")
    with open(_own_file, "w") as stream:
        stream.write("x")
    top = os.path.dirname(os.path.dirname(os.path.abspath(".")))
    for place in ("repaired", "finished", "shared"):
        _plant(os.path.join(top, place, name))
    for place in ("checked/object", "objects/demo.so", "libraries/libm.so.6", "licence.log", "pkgconfig/blas.pc",
                  "home", "tmp", "metadata", "inside", "zig-cache", "env/bin/python", "env/pyvenv.cfg", "env/lib",
                  ".kept-after-failure"):
        _plant(os.path.join(top, place))
    _plant(os.path.abspath("pyproject.toml"))
    deep = top + "/deep"
    os.mkdir(deep)
    os.chdir(deep)
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(top)
    return name
"""

KINDS = ("link to a file", "link to a folder", "link to nothing yet", "hard link", "fifo", "folder")

PUBLISHING = {
    "a link": "os.symlink(SECRET, where)",
    "a hard link": "open('x', 'w'); os.link('x', where)",
    "a pipe": "os.mkfifo(where)",
    "a folder": "os.mkdir(where)",
    "a folder that is a link": "os.rmdir(directory); os.symlink(os.path.dirname(SECRET), directory)",
    "nothing": "os.rmdir(directory)",
    "a socket": "import socket; socket.socket(socket.AF_UNIX).bind('s'); os.rename('s', where)",
}
"""What a backend leaves in place of its wheel, as statements."""


def planting(kind: str, outside: Path) -> str:
    """Return what is put behind a backend's text."""
    return PLANT % {"kind": kind, "outside": str(outside)}


def publishing(kind: str, secret: Path) -> str:
    """Return a backend's hook that leaves one of ``PUBLISHING`` in place of its wheel."""
    return f"""
SECRET = {str(secret)!r}
def build_wheel(directory, *more):
    where = os.path.join(directory, os.path.basename(SECRET))
    {PUBLISHING[kind]}
    return os.path.basename(SECRET)
"""


def outside(folder: Path) -> Path:
    """Make a folder that anybody may write in, with a file that nobody is to change."""
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "precious").write_text("precious")
    (folder / "precious").chmod(0o666)
    return folder


def state(folder: Path) -> dict[str, object]:
    """Return everything that could be changed of a folder and what is in it."""
    found: dict[str, object] = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (status.st_mode, status.st_uid, status.st_ino, status.st_mtime_ns, status.st_nlink, content)
    return found
