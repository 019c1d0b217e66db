"""The folder of a cross compiler: wrappers, the target's Python, files for build systems. Made once, then only read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wheelyard.domain.target import Target
from wheelyard.io import files
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms, presets
from wheelyard.toolchain.zig import archive as archives
from wheelyard.toolchain.zig import rust, sdk, toolfiles, variables, zig
from wheelyard.toolchain.zig.python import BuildPython

TOOLS = (
    *("cc", "gcc", "clang", "c++", "g++", "clang++", "ar", "ranlib", "ld", "strip", "meson"),
    *("gfortran", "f77", "f95"),
)
_OWN = Path(__file__).parent
_API = "python-api.txt"
_SCPROXY = """\
def _get_proxy_settings():
    return {}


def _get_proxies():
    return {}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cross compiler that is ready."""

    root: Path
    compiler: zig.Zig
    triple: str
    python: BuildPython
    identity: str
    """What it is made from, without any path: for the build key."""
    environment: Mapping[str, str]
    folders: tuple[Path, ...] = ()
    """What the target names besides, to be read: Apple's SDK, its own libraries."""
    rust: rust.Rust | None = None
    """This machine's, where builds run on it."""

    @property
    def tools(self) -> Path:
        """The folder of the wrappers."""
        return self.root / "bin"

    @property
    def search_path(self) -> tuple[Path, ...]:
        """Folders of programs that come before all others."""
        return (self.tools, self.rust.programs) if self.rust else (self.tools,)

    @property
    def site(self) -> Path:
        """What hooks have on their ``PYTHONPATH``."""
        return self.root / "site"

    @property
    def seen(self) -> tuple[Path, ...]:
        """The folders that compiling needs to be seen."""
        own = (self.rust.root,) if self.rust and not self.rust.root.is_relative_to("/usr") else ()
        return (self.root, self.compiler.program.parent, *self.python.folders, *self.folders, *own)

    def python_api(self) -> frozenset[str]:
        """Return the names that the target's Python exports; empty where nothing tells."""
        return frozenset((self.root / _API).read_text("utf-8").split())


def make(target: Target, python: BuildPython, store: Store) -> Place:
    """Return the cross compiler of a target, made where it is not there yet.

    :param python: of the target's version; build backends run on it.
    :raises ToolError: if there is no Zig, it does not compile for the target, or the SDK is of another Python.
    """
    compiler, triple, platform = zig.find_zig(), zig.triple(target.platform), platforms.parse(target.platform)
    apple = Path(target.build.apple_sdk) if target.build.apple_sdk else None
    archive, given = archives.find(target.build, store) or (None, "generated")
    identity = f"zig {compiler.version} {triple}, python {python.version}, sdk {given}, rules {rules()}"
    if python.origin:
        identity += f", in {python.origin}"
    own_rust = None if python.origin else rust.find_rust()
    if own_rust is not None:
        identity += f", {own_rust.version}"
    if apple is not None:
        identity += f", {apple.name}"
    if target.build.libraries:
        identity += f", libraries {_digest(Path(target.build.libraries))}"
    places = [identity, str(compiler.program), python.path, str(apple), target.build.libraries]
    digest = hashlib.sha256(json.dumps(places).encode())
    area = store.area("cross")
    root = area / digest.hexdigest()[:24]
    if not root.exists():
        with files.locked(area / f"{root.name}.lock", what=f"the cross compiler for {target.platform}", wait=True):
            if not root.exists():
                with store.scratch() as scratch:
                    copies, staged = scratch / "python", scratch / "cross"
                    copies.mkdir()
                    development = python.development(copies)
                    made = sdk.make(python, development, platform, compiler=compiler, triple=triple, archive=archive)
                    _write(staged, root, target, made, compiler=compiler, triple=triple, interpreter=python.path)
                    files.write(staged / _API, "".join(f"{name}\n" for name in sorted(development.exported)))
                    staged.rename(root)
    return Place(
        root=root,
        compiler=compiler,
        triple=triple,
        python=python,
        identity=identity,
        environment=_environment(root, target, python),
        folders=tuple(Path(folder) for folder in (target.build.apple_sdk, target.build.libraries) if folder),
        rust=own_rust,
    )


def rules(folder: Path = _OWN) -> str:
    """Return a digest of this package: how a cross compiler is made, and every file of it that a build sees."""
    return _digest(folder, "*.py")


def _digest(folder: Path, pattern: str = "*") -> str:
    """Return a digest of the names and contents of the files below a folder."""
    below = (path for path in folder.rglob(pattern) if path.is_file())
    found = sorted((str(path.relative_to(folder)), files.sha256(path)) for path in below)
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]


def _write(
    staged: Path,
    root: Path,
    target: Target,
    made: sdk.Sdk,
    *,
    compiler: zig.Zig,
    triple: str,
    interpreter: str,
) -> None:
    """Write everything to ``staged``, as it will be at ``root``."""
    platform, python = platforms.parse(target.platform), target.python.removesuffix("t")
    name = f"python{python}{made.abiflags}"
    include = root / "include" / name
    for path, content in made.headers.items():
        files.write(staged / "include" / name / path, content, sync=False)
    tools = {"CC": "cc", "CXX": "c++", "AR": "ar", "RANLIB": "ranlib"}
    own = variables.generated(
        platform,
        python,
        abiflags=made.abiflags,
        include=str(include),
        tools={key: str(root / "bin" / tool) for key, tool in tools.items()},
    )
    whole = variables.merged(made.variables, own) if made.variables else own
    mac = platform.family == "macosx"
    multiarch = own["MULTIARCH"]
    system = "darwin" if mac else "linux"
    usual = f"_sysconfigdata_{made.abiflags}_{system}_{multiarch}.py"
    debian = f"_sysconfigdata_{made.abiflags}_{multiarch}.py"
    for place in (f"lib/{usual}", f"site/{usual}", f"site/{debian}"):  # PyO3 takes a folder with one only
        files.write(staged / place, variables.dumps(whole), sync=False)
    files.write(staged / "site" / "sitecustomize.py", (_OWN / "sitecustomize.py").read_bytes(), sync=False)
    if mac:
        files.write(staged / "site" / "_scproxy.py", _SCPROXY, sync=False)
    suffix = str(own["EXT_SUFFIX"])
    belief = _belief(platform, python, str(multiarch), suffix, str(include))
    files.write(staged / "site" / "cross.json", json.dumps(belief, indent=1), sync=False)
    maps = [[str(root), "/python"], [str(compiler.program.parent), "/zig"]]
    setting = {
        "zig": str(compiler.program),
        "target": triple,
        "mac": mac,
        "cpu": platform.cpu,
        "include": str(include),
        "hidden": [str(made.prefix)] if made.prefix != Path("/usr") else [f"/usr/include/{name}"],
        "maps": maps,
        "apple_sdk": target.build.apple_sdk,
        "libraries": target.build.libraries,
        "meson": str(root / "meson.ini"),
        "fortran_image": presets.builder_image(target) or "quay.io/pypa/manylinux_2_28_x86_64",
    }
    files.write(staged / "bin" / "cross.json", json.dumps(setting, indent=1), sync=False)
    script = staged / "bin" / "wrapper.py"
    files.write(script, f"#!{interpreter} -IS\n".encode() + (_OWN / "wrapper.py").read_bytes(), sync=False)
    script.chmod(0o755)
    for tool in TOOLS:
        (staged / "bin" / tool).symlink_to("wrapper.py")
    if mac:
        (staged / "bin" / "xcrun").symlink_to("wrapper.py")
    files.write(staged / "meson.ini", toolfiles.meson(platform, root / "bin"), sync=False)
    files.write(staged / "toolchain.cmake", toolfiles.cmake(platform, root / "bin", include, suffix), sync=False)


def _belief(platform: platforms.Platform, python: str, multiarch: str, suffix: str, include: str) -> dict[str, object]:
    mac, (major, minor) = platform.family == "macosx", platform.version
    release = f"{minor + 4 if major == 10 else major + 9}.0.0" if mac else ""
    return {
        "python": [int(part) for part in python.split(".")],
        "platform": zig.system(platform),
        "system": "Darwin" if mac else "Linux",
        "sys_platform": "darwin" if mac else "linux",
        "release": release,
        "machine": platform.cpu,
        "mac_ver": f"{major}.{minor}" if mac else "",
        "libc": ["glibc", f"{major}.{minor}"] if platform.family == "manylinux" else None,
        "multiarch": multiarch,
        "suffixes": [suffix, ".abi3.so", ".so"],
        "include": include,
    }


def _environment(root: Path, target: Target, python: BuildPython) -> dict[str, str]:
    """Return the variables that a hook gets besides; those of the package's own rule come before them."""
    platform, tools, own = platforms.parse(target.platform), root / "bin", python.compiler or "cc"
    found = {
        "PYTHONPATH": str(root / "site"),
        "CC": f"{tools}/cc",
        "CXX": f"{tools}/c++",
        "AR": f"{tools}/ar",
        "RANLIB": f"{tools}/ranlib",
        "LD": f"{tools}/ld",
        "STRIP": f"{tools}/strip",
        "FC": f"{tools}/gfortran",
        "F77": f"{tools}/f77",
        "CC_FOR_BUILD": own,
        "CMAKE_TOOLCHAIN_FILE": f"{root}/toolchain.cmake",
        **rust.variables(
            platform,
            platforms.parse(python.machine.platform),
            tools=tools,
            library=root / "lib",
            python=target.python,
            compiler=own,
        ),
    }
    if platform.family == "macosx":
        found["MACOSX_DEPLOYMENT_TARGET"] = f"{platform.version[0]}.{platform.version[1]}"
        found["ARCHFLAGS"] = f"-arch {platform.cpu}"
    return found
