"""Source trees with a build backend of their own: no package is needed to build them, on any Python from 3.6."""

from __future__ import annotations

from pathlib import Path

from tests.support.packages import make_sdist, metadata

PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'

# Compiles every .c file to an extension by the interpreter's own settings, and zips it up without care for times.
BACKEND = '''\
import base64, glob, hashlib, os, subprocess, sys, sysconfig, time, zipfile

NAME, VERSION = %(name)r, %(version)r
OPTIONAL = False
LIBRARIES = []


def get_requires_for_build_wheel(config_settings=None):
    return []


def _compile(source):
    module = os.path.splitext(source)[0]
    target = module + sysconfig.get_config_var("EXT_SUFFIX")
    command = ["cc", "-shared", "-fPIC", "-g", "-I" + sysconfig.get_paths()["include"], source, "-o", target]
    command += os.environ.get("CFLAGS", "").split() + LIBRARIES
    print("compiling", source)
    sys.stdout.flush()
    subprocess.check_call(command)
    return target


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    files = sorted(glob.glob("*.py"))
    files.remove("backend.py")
    tag = "py3-none-any"
    for source in sorted(glob.glob("*.c")):
        try:
            files.append(_compile(source))
            abi = sysconfig.get_config_var("SOABI").split("-")[1]
            tag = "cp%%d%%d-cp%%s-linux_%%s" %% (sys.version_info[0], sys.version_info[1], abi, os.uname()[4])
        except subprocess.CalledProcessError:
            if not OPTIONAL:
                raise
    info = "%%s-%%s.dist-info" %% (NAME, VERSION)
    members = [(name, open(name, "rb").read()) for name in files]
    members.append((info + "/METADATA", b"""%(metadata)s"""))
    wheel = "Wheel-Version: 1.0\\nGenerator: backend\\nRoot-Is-Purelib: %%s\\nTag: %%s\\n"
    members.append((info + "/WHEEL", (wheel %% ("false", tag)).encode()))
    record = ""
    for name, content in members:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += "%%s,sha256=%%s,%%d\\n" %% (name, digest, len(content))
    members.append((info + "/RECORD", (record + info + "/RECORD,,\\n").encode()))
    filename = "%%s-%%s-%%s.whl" %% (NAME, VERSION, tag)
    with zipfile.ZipFile(os.path.join(wheel_directory, filename), "w") as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, time.gmtime()[:6]), content)
    return filename
'''

EXTENSION = """\
#include <Python.h>
%(more)s
static PyObject *answer(PyObject *self, PyObject *args) { return PyLong_FromLong(%(answer)s); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "%(name)s", __FILE__, -1, methods};
PyMODINIT_FUNC PyInit_%(name)s(void) { return PyModule_Create(&module); }
"""


def backend(name: str, version: str = "1.0", more: str = "") -> str:
    """Return the text of a backend; ``more`` is put at its end, and may replace any part of it."""
    return BACKEND % {"name": name, "version": version, "metadata": metadata(name, version)} + more


def extension(name: str, *, answer: str = "42", more: str = "") -> str:
    """Return the C source of a module with a function ``answer()``."""
    return EXTENSION % {"name": name, "answer": answer, "more": more}


def sdist(folder: Path, name: str, version: str = "1.0", *, more: str = "", **files: str) -> Path:
    """Write an sdist; ``files`` by name with ``__`` for the dot: ``mod__c="..."``."""
    members = {key.replace("__", "."): text for key, text in files.items()}
    return make_sdist(
        folder, name, version, {"pyproject.toml": PYPROJECT, "backend.py": backend(name, version, more), **members}
    )
