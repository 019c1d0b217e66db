"""An extension with a shared library of its own, built by a backend that asks only ``sysconfig``."""

from __future__ import annotations

from pathlib import Path

from tests.support.packages import make_sdist, metadata

PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'

BACKEND = '''\
import base64, hashlib, os, subprocess, sys, sysconfig, zipfile

MAC = sys.platform == "darwin"
CC = sysconfig.get_config_var("CC").split()
FLAGS = os.environ.get("CFLAGS", "").split()
INSTALL_NAME = %(install_name)r
LINK = True


def build_library():
    os.makedirs("lib", exist_ok=True)
    if MAC:
        name = INSTALL_NAME or os.path.abspath("lib/libgreet.dylib")
        shape, path = ["-dynamiclib", "-install_name", name], "lib/libgreet.dylib"
    else:
        shape, path = ["-shared", "-fPIC", "-Wl,-soname,libgreet.so.1"], "lib/libgreet.so.1"
    subprocess.check_call(CC + shape + FLAGS + ["greet.c", "-o", path])
    if not MAC and not os.path.exists("lib/libgreet.so"):
        os.symlink("libgreet.so.1", "lib/libgreet.so")


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    if LINK:
        build_library()
    module = "greeting" + sysconfig.get_config_var("EXT_SUFFIX")
    shared = sysconfig.get_config_var("LDSHARED").split()
    found = ["-Llib", "-lgreet", "-Wl,-rpath," + os.path.abspath("lib")] if LINK else []
    command = shared + ["-fPIC"] + FLAGS + ["-I" + sysconfig.get_paths()["include"], "greeting.c", "-o", module]
    subprocess.check_call(command + found)
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    abi = sysconfig.get_config_var("SOABI").split("-")[1]
    tag = "cp%%d%%d-cp%%s-%%s" %% (sys.version_info[0], sys.version_info[1], abi, platform)
    info = "greeting-1.0.dist-info"
    wheel = "Wheel-Version: 1.0\\nGenerator: backend\\nRoot-Is-Purelib: false\\nTag: %%s\\n" %% tag
    members = [(module, open(module, "rb").read()), (info + "/METADATA", b"""%(metadata)s"""),
               (info + "/WHEEL", wheel.encode())]
    record = ""
    for name, content in members:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += "%%s,sha256=%%s,%%d\\n" %% (name, digest, len(content))
    members.append((info + "/RECORD", (record + info + "/RECORD,,\\n").encode()))
    filename = "greeting-1.0-%%s.whl" %% tag
    with zipfile.ZipFile(os.path.join(wheel_directory, filename), "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return filename
'''

LIBRARY = """\
#include <stdlib.h>
#include <string.h>
char *greet(const char *name) {
    size_t length = strlen(name) + 1;
    char *text = malloc(length + 7);
    memcpy(text, "hello, ", 7);
    memcpy(text + 7, name, length);
    return text;
}
"""

MODULE = """\
#include <Python.h>
#include <stdlib.h>
#if SIZEOF_LONG_DOUBLE != __SIZEOF_LONG_DOUBLE__ || SIZEOF_VOID_P != __SIZEOF_POINTER__
#error "these are the headers of another platform"
#endif
%(before)s
extern char *greet(const char *name);
static PyObject *hello(PyObject *self, PyObject *argument) {
    char *text = greet(PyUnicode_AsUTF8(argument));
    PyObject *result = PyUnicode_FromString(text);
    free(text);
    return result;
}
static PyMethodDef methods[] = {{"hello", hello, METH_O, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "greeting", 0, -1, methods};
PyMODINIT_FUNC PyInit_greeting(void) { return PyModule_Create(&module); }
"""


def greeting(folder: Path, *, install_name: str = "", before: str = "", more: str = "") -> Path:
    """Write the sdist.

    :param install_name: of the dylib, in place of its own path.
    :param before: C code in front of the module's.
    :param more: put at the end of the backend, and may replace any part of it.
    """
    backend = BACKEND % {"install_name": install_name, "metadata": metadata("greeting", "1.0")} + more
    files = {"backend.py": backend, "greet.c": LIBRARY, "greeting.c": MODULE % {"before": before}}
    return make_sdist(folder, "greeting", "1.0", {"pyproject.toml": PYPROJECT, **files})
