"""``wheelyard.toml``, declared: reading, the JSON Schema for editors and the reference page are all made from this."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from wheelyard.domain.index import IndexStrategy
from wheelyard.policy.schema import PolicyTable
from wheelyard.schema.tables import Digest, Setting, Table, Text, Texts, Variables
from wheelyard.variants.schema import RecipeTable, VariantTable


class RequirementsTable(Table, frozen=True):
    """`requirements`: one file of it, with parts of its project."""

    path: Annotated[Text, Meta(description="the file, relative to the configuration", examples=["uv.lock"])]
    extras: Annotated[Texts, Meta(description="extras whose requirements are wanted too", examples=[["plot"]])] = ()
    groups: Annotated[Texts, Meta(description="dependency groups that are wanted too", examples=[["dev"]])] = ()
    leave_out: Annotated[
        Texts,
        Meta(
            description="entries of a list of conda, Spack or EasyBuild that are not wanted", examples=[["git", "gcc"]]
        ),
    ] = ()


class TargetTable(Table, frozen=True):
    """`[[target]]`: one kind of host."""

    name: Annotated[
        Text | None, Meta(description="`[a-z0-9_-]+`; also the folder's name", examples=["workstations"])
    ] = None
    preset: Annotated[Text | None, Meta(description="what is not said here comes from this one", examples=["el9"])] = (
        None
    )
    python: Annotated[
        Text | None, Meta(description="3.6 and newer; `3.13t` is a free-threaded build", examples=["3.9"])
    ] = None
    platform: Annotated[
        Text | None, Meta(description="the newest tag that the host accepts", examples=["manylinux_2_34_x86_64"])
    ] = None
    implementation: Annotated[Literal["cpython", "pypy"], Meta(description="the kind of Python")] = "cpython"
    pip: Annotated[
        Text | None, Meta(description="the pip that the host has: it decides which files are seen", examples=["21.2.3"])
    ] = None
    carry_pip: Annotated[
        bool | None,
        Meta(
            description="whether the folder carries pip; by default where the host's is too old, or a preset has none",
            examples=[True],
        ),
    ] = None
    externally_managed: Annotated[
        bool | None,
        Meta(
            description="whether the host's Python is the system's alone (PEP 668); else as its preset says",
            examples=[True],
        ),
    ] = None
    constraints: Annotated[
        Texts, Meta(description="constraints files, for this target alone", examples=[["el8.txt"]])
    ] = ()
    interpreter: Annotated[
        Text | None,
        Meta(
            description="a Python of this machine, to build and prove with; looked for if not given",
            examples=["/usr/bin/python3.9"],
        ),
    ] = None
    image: Annotated[
        Text | None,
        Meta(description="a container image to build in", examples=["quay.io/pypa/manylinux_2_34_x86_64"]),
    ] = None
    host_image: Annotated[
        Text | None,
        Meta(description="an image to prove in", examples=["registry.access.redhat.com/ubi9/python-39"]),
    ] = None
    cpu_level: Annotated[
        Literal["x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"] | None,
        Meta(description="the instruction level that every such host has; else the preset's", examples=["x86-64-v2"]),
    ] = None
    toolchain: Annotated[
        Literal["zig"] | None, Meta(description="compile for a system that this machine is not", examples=["zig"])
    ] = None
    sdk: Annotated[
        Text | None,
        Meta(
            description="an archive or installer of a CPython for the target: a path, or a URL with `sdk-sha256`",
            examples=["python-3.12-macos11.pkg"],
        ),
    ] = None
    sdk_sha256: Annotated[
        Digest | None, Meta(title="no SHA-256", description="its SHA-256", examples=["e3b0…b855"])
    ] = None
    libraries: Annotated[
        Text | None, Meta(description="a folder with `include/` and `lib/` of the target's own", examples=["sysroot"])
    ] = None
    apple_sdk: Annotated[Text | None, Meta(description="a folder with Apple's SDK", examples=["MacOSX11.sdk"])] = None
    carried_python: Annotated[
        Text | None,
        Meta(
            description="an archive of a relocatable CPython that hosts are given",
            examples=["cpython-3.12-x86_64-linux-install_only.tar.gz"],
        ),
    ] = None
    carried_python_sha256: Annotated[
        Digest | None, Meta(title="no SHA-256", description="its SHA-256", examples=["e3b0…b855"])
    ] = None


class IndexTable(Table, frozen=True):
    """`[[index]]`: where files come from. Without one, the indexes that pip is configured for."""

    name: Annotated[Text, Meta(description="what packages are bound to it by", examples=["internal"])]
    url: Annotated[
        Text,
        Meta(description="`https://…/simple`, or a folder", examples=["https://packages.example.org/simple"]),
    ]
    kind: Annotated[
        Literal["simple", "find-links"], Meta(description="an index (PEP 503, 691), or a page or folder of files")
    ] = "simple"
    explicit: Annotated[bool, Meta(description="only for names that are bound to it")] = False
    mirror_of: Annotated[
        Text | None, Meta(description="it has copies of this index's files", examples=["internal"])
    ] = None
    trusted: Annotated[bool, Meta(description="plain http, or a certificate that does not verify, is accepted")] = False


class PackageTable(Table, frozen=True):
    """`[packages.NAME]`: what is special about one package."""

    build: Annotated[
        Literal["auto", "always", "never"], Meta(description="`always`: from source; `never`: a wheel or an error")
    ] = "auto"
    index: Annotated[
        Text | None, Meta(description="the one index that this name may come from", examples=["internal"])
    ] = None
    environment: Annotated[
        Variables, Meta(description="environment variables of its build", extra={"example": '{ CFLAGS = "-O3" }'})
    ] = field(default_factory=dict)
    config_settings: Annotated[
        dict[str, Setting],
        Meta(
            description="settings for its build backend (PEP 517)",
            extra={"example": '{ setup-args = ["-Dblas=openblas"] }'},
        ),
    ] = field(default_factory=dict)
    patches: Annotated[Texts, Meta(description="patches to apply to its sdist", examples=[["fix.patch"]])] = ()
    build_requires: Annotated[
        Texts, Meta(description="more build requirements, or pins for its own", examples=[["setuptools<80"]])
    ] = ()
    image_packages: Annotated[
        Texts,
        Meta(
            description="packages of the distribution that its build needs in the image", examples=[["libopenblas-dev"]]
        ),
    ] = ()
    dispatched: Annotated[
        Texts,
        Meta(
            description="functions or source files (regular expressions) that run only after the CPU was asked",
            examples=[["_avx2$"]],
        ),
    ] = ()
    build_number: Annotated[
        int, Meta(ge=0, description="of the wheel compiled here (PEP 427), where it needs another name than before")
    ] = 0
    imports: Annotated[
        Texts | None, Meta(description="what the proof imports; else every top-level module", examples=[["numpy"]])
    ] = None
    check: Annotated[
        Text | None,
        Meta(
            description="Python code that calculates something and compares it, or a file with it (`….py`): a part of "
            "the proof",
            examples=["import mypackage; assert mypackage.area(2, 3) == 6"],
        ),
    ] = None


class BuildTable(Table, frozen=True):
    """`[build]`: how sdists are built."""

    jobs: Annotated[int, Meta(ge=0, description="builds at a time; 0: one per CPU")] = 0
    timeout: Annotated[
        float | Text, Meta(description="of one build: seconds, or with `s`, `m` or `h`", examples=["90m"])
    ] = 3600.0
    memory: Annotated[float | Text, Meta(description="of one build: bytes, or with a unit", examples=["8 GiB"])] = (
        float(8 << 30)
    )
    sandbox: Annotated[
        Literal["auto", "bubblewrap", "unshare", "sandbox-exec", "container", "none"],
        Meta(description="what builds are shut in"),
    ] = "auto"
    require_sandbox: Annotated[bool, Meta(description="refuse to build where the network cannot be cut")] = False
    source_date_epoch: Annotated[
        int, Meta(ge=0, description="the time that everything built is dated with (SOURCE_DATE_EPOCH)")
    ] = 315532800
    engine: Annotated[Text | None, Meta(description="the container engine; found by itself", examples=["podman"])] = (
        None
    )
    engine_arguments: Annotated[
        Texts, Meta(description="more arguments of its `run`", examples=[["--cgroups=disabled"]])
    ] = ()


class SignTable(Table, frozen=True):
    """`[sign]`: what is published is signed, in the same step."""

    key: Annotated[
        Text | Texts,
        Meta(
            description="an SSH key, or its `.pub` if an agent or a hardware key has it; several: each signs",
            examples=["~/.ssh/wheels"],
        ),
    ] = ()


class SiteTable(Table, frozen=True):
    """`[site]`: what the pages say of the wheelhouse."""

    name: Annotated[Text, Meta(description="on every page", examples=["Wheels of the institute"])] = "Wheelhouse"
    contact: Annotated[
        Text, Meta(description="whom to ask: a mail address, a URL, or words", examples=["wheels@example.org"])
    ] = ""
    build_logs: Annotated[
        bool,
        Meta(
            description="publish the log of every build: it names folders and times of the machine that built, so the "
            "same inputs do not give the same bytes"
        ),
    ] = False


class Document(Table, frozen=True):
    """The top of the file."""

    requirements: Annotated[
        Text | tuple[Text | RequirementsTable, ...],
        Meta(
            description="files that say what is wanted: requirements files, projects, locks of other tools",
            examples=[["requirements.in", "uv.lock"]],
        ),
    ] = ()
    constraints: Annotated[Texts, Meta(description="constraints files", examples=[["constraints.txt"]])] = ()
    same_versions: Annotated[
        bool | Text | tuple[Text, ...],
        Meta(
            description="`true`, or names: all targets get the same version, the newest that each can have",
            extra={"example": '["numpy"]'},
        ),
    ] = False
    override_dependencies: Annotated[
        Texts,
        Meta(description="requirements that stand in for what packages say of these names", examples=[["numpy>=2"]]),
    ] = ()
    exclude_dependencies: Annotated[
        Texts, Meta(description="names that nobody gets, whoever asks for them", examples=[["colorama"]])
    ] = ()
    targets: Annotated[Texts, Meta(description="presets of hosts", examples=[["el9", "el8-py39"]])] = ()
    target: Annotated[
        Text | tuple[Text | TargetTable, ...] | None,
        Meta(description="a preset, or tables `[[target]]`", examples=["el9"]),
    ] = None
    wheelhouse: Annotated[Text, Meta(description="the output folder")] = "wheelhouse"
    resolver: Annotated[Literal["uv", "pip-tools"], Meta(description="what chooses versions")] = "uv"
    prereleases: Annotated[bool, Meta(description="take release candidates and the like too")] = False
    prefer_binary: Annotated[
        bool, Meta(description="rather an older version with a wheel than a newer one to be built")
    ] = False
    only_binary: Annotated[Texts, Meta(description="names that are never built, or `:all:`", examples=[["numpy"]])] = ()
    no_binary: Annotated[
        Texts, Meta(description="names that are always built, or `:all:`", examples=[["markupsafe"]])
    ] = ()
    no_index: Annotated[bool, Meta(description="ask no index that is not named in this file")] = False
    index_strategy: Annotated[
        IndexStrategy, Meta(description="what a name that several indexes have means: an error, or the first one")
    ] = "one-index"
    index: Annotated[tuple[IndexTable, ...], Meta(description="tables `[[index]]`")] = ()
    packages: Annotated[dict[str, PackageTable], Meta(description="tables `[packages.NAME]`")] = field(
        default_factory=dict
    )
    build: Annotated[BuildTable, Meta(description="the table `[build]`")] = BuildTable()
    sign: Annotated[SignTable, Meta(description="the table `[sign]`")] = SignTable()
    site: Annotated[SiteTable, Meta(description="the table `[site]`")] = SiteTable()
    policy: Annotated[PolicyTable, Meta(description="the table `[policy]`")] = PolicyTable()
    variant: Annotated[tuple[VariantTable, ...], Meta(description="tables `[[variant]]`")] = ()
    variant_wheels: Annotated[
        bool, Meta(description="one folder more a target, for installers that choose a variant (PEP 825 draft)")
    ] = False
    recipe: Annotated[tuple[RecipeTable, ...], Meta(description="tables `[[recipe]]`")] = ()
