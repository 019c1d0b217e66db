"""A Python that the wheelhouse carries, for hosts whose own is too old: unpacked below the user's home."""

import os
import shutil
import subprocess
import tarfile
from typing import List, Optional

from wheelyard.host.choice import why_not
from wheelyard.host.machine import HostFacts
from wheelyard.host.manifest import TargetInfo
from wheelyard.host.records import records_folder
from wheelyard.host.refusal import EXIT_NO_FOLDER, EXIT_TOOL, Refused

_MAX_MEMBERS = 100000
_MAX_BYTES = 4 << 30


def carried_python_target(targets: List[TargetInfo], host: HostFacts) -> TargetInfo:
    """Return the first target, in the admin's order, that brings a Python which runs here.

    :raises Refused: ``no-python`` if there is none.
    """
    for target in targets:
        alike = host._replace(python=target.python, implementation=target.implementation)
        if target.python_archive and target.variant is None and why_not(target, alike) is None:
            return target
    hint = "ask the admin to carry one for a machine like this"
    raise Refused("no-python", "this wheelhouse carries no Python that runs here", hint=hint, code=EXIT_NO_FOLDER)


def python_folder(target: TargetInfo) -> str:
    """Return where the carried Python of a target is unpacked."""
    return os.path.join(os.path.dirname(records_folder()), "python", target.folder)


def find_python(folder: str) -> Optional[str]:
    """Return the interpreter of an unpacked Python, or None."""
    for top in ("", "python", "install"):
        path = os.path.join(folder, top, "bin", "python3")
        if os.path.exists(path):
            return path
    return None


def _check_python_member(member: tarfile.TarInfo) -> None:
    """Refuse what leads out of the folder, or is neither file, folder nor link."""
    plain = member.isreg() or member.isdir() or member.issym() or member.islnk()
    names = [member.name]
    if member.issym():
        names.append(os.path.join(os.path.dirname(member.name), member.linkname))
    elif member.islnk():
        names.append(member.linkname)
    outside = any(os.path.isabs(name) or os.path.normpath(name).split(os.sep)[0] == ".." for name in names)
    if member.issym() and os.path.isabs(member.linkname):
        outside = True
    if not plain or outside or member.mode & 0o6000:
        raise Refused("unsafe-member", "the carried Python's archive is not safe to unpack", where=ascii(member.name))


def unpack_python(archive: str, folder: str) -> str:
    """Unpack a Python that was checked against the manifest, all or nothing, and return its interpreter.

    :raises Refused: ``unsafe-member``, ``bad-archive`` or ``broken-python``; nothing is left behind then.
    """
    fresh = folder + ".new"
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(fresh)
    try:
        count = size = 0
        with tarfile.open(archive) as stream:
            for member in stream:
                _check_python_member(member)
                count, size = count + 1, size + member.size
                if count > _MAX_MEMBERS or size > _MAX_BYTES:
                    raise Refused("bad-archive", "the carried Python is too large", where=archive)
                member.uid, member.gid = os.getuid(), os.getgid()
                # Checked above; and nothing is written through a link, as files come fresh into a fresh folder.
                if hasattr(tarfile, "fully_trusted_filter"):
                    stream.extract(member, fresh, filter="tar")
                else:
                    stream.extract(member, fresh)
        python = find_python(fresh)
        if python is None or subprocess.call([python, "-I", "-c", "import ssl, zlib"], stdin=subprocess.DEVNULL) != 0:
            raise Refused("broken-python", "the carried Python does not run here", where=archive, code=EXIT_TOOL)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(fresh, folder)
    except (tarfile.TarError, EOFError) as error:
        raise Refused("bad-archive", "cannot be unpacked: {}".format(error), where=archive) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return find_python(folder) or ""
