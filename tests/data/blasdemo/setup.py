"""Links whatever BLAS pkg-config knows as $BLASDEMO_BLAS; without one it takes loops of its own, as many packages do."""

import os
import shlex
import subprocess

from setuptools import Extension, setup

name = os.environ.get("BLASDEMO_BLAS", "")
flags, libraries = [], []
if name:
    flags = shlex.split(subprocess.check_output(["pkg-config", "--cflags", name], universal_newlines=True))
    flags += ["-DBLASDEMO_BLAS=" + name]
    libraries = shlex.split(subprocess.check_output(["pkg-config", "--libs", name], universal_newlines=True))

setup(
    name="blasdemo",
    version="1.0",
    description="Calls cblas_dgemm and dsyev, and has one loop that a compiler makes vectors of",
    license="MIT",
    package_dir={"": "src"},
    packages=["blasdemo"],
    python_requires=">=3.6",
    ext_modules=[
        Extension(
            "blasdemo._core",
            ["src/blasdemo/_core.c"],
            extra_compile_args=["-O3", "-ffast-math"] + flags,
            extra_link_args=libraries,
        )
    ],
)
