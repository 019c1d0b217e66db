"""Judges cases one by one, under a bound of memory and of processor time; runs on Python 3.6, with nothing else.

One line of JSON in: kind and content (Base64). One line out: what came of it. Started with the folder of the sources.
"""

import base64
import hashlib
import io
import json
import os
import resource
import signal
import sys
import tarfile
import tempfile
import traceback
import types
from pathlib import Path
from typing import Any, Optional, Tuple  # noqa: F401  (in a comment)

MEMORY = 2 << 30  # bytes of address space
SECONDS = 60  # of processor time for one case; whoever needs more is ended by the system


def manifest(content: bytes) -> Any:
    from wheelyard.host.manifest import channel_of, load_manifest

    return channel_of(content), load_manifest(content)


def choice(content: bytes) -> Any:
    from wheelyard.host.choice import choose, pip_needed
    from wheelyard.host.machine import HostFacts
    from wheelyard.host.manifest import load_manifest

    made = load_manifest(content)
    host = HostFacts("3.9", "cpython", "x86_64", "glibc", (2, 34), 3)
    wheels = [entry.path.rpartition("/")[2] for entry in made.files if entry.path.endswith(".whl")]
    return pip_needed(wheels), choose(list(made.targets), host, "auto")


def signature(content: bytes) -> Any:
    from wheelyard.host.sshsig import parse_signers, split_signatures, verify_signatures

    # As volumes hand it on; the first key of the file is the one that signed, where one did.
    text = content.decode("ascii", "replace")
    split_signatures(text)
    signers = json.loads(os.environ["WHEELYARD_FUZZ_SIGNERS"])
    return verify_signatures(b"message", text, parse_signers(signers), moment=1700000000)


def signers(content: bytes) -> Any:
    from wheelyard.host.sshsig import parse_signers, signer_line

    return [signer_line(signer) for signer in parse_signers(content.decode("utf-8", "surrogateescape"))]


def revoked(content: bytes) -> Any:
    from wheelyard.host.sshsig import parse_revoked

    return sorted(parse_revoked(content.decode("utf-8", "surrogateescape")))


def policy(content: bytes) -> Any:
    from wheelyard.host.policy import read_policy

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "policy.json").write_bytes(content)
        return read_policy(folder)


def policy_files(content: bytes) -> Any:
    from wheelyard.host.policy import read_policy

    with tempfile.TemporaryDirectory() as folder:
        for name in ("allowed_signers", "revoked_keys"):
            Path(folder, name).write_bytes(content)
        return read_policy(folder)


def tar(content: bytes) -> Any:
    from wheelyard.host.tarstream import copy_content, tar_members

    stream, seen = Counted(content), []
    for member in tar_members(stream, "x.tar"):
        digest = hashlib.sha256()
        copy_content(stream, member.size, digest.update, "x.tar")
        seen.append((member, digest.hexdigest()))
    return seen


def volume(content: bytes) -> Any:
    from wheelyard.host.tarstream import copy_content
    from wheelyard.host.volumes import open_volumes, volume_parts

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "bundle.tar"))
        Path(path).write_bytes(content)
        (first,) = open_volumes([path])
        seen = []
        with Path(path).open("rb") as stream:
            for part in volume_parts(first, stream):
                copy_content(stream, part.size, lambda block: None, "x.tar")
                seen.append(part)
        return first._replace(path=""), seen


def bundle(content: bytes) -> Any:
    from wheelyard.host.inspecting import check_bundle

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "bundle.tar"))
        Path(path).write_bytes(content)
        faults, count = check_bundle([path], None)
        return [fault[:1] for fault in faults], count


def splice(content: bytes) -> Any:
    from wheelyard.host.splicing import check_plan, read_plan, splice

    old, stream, size = io.BytesIO(b"0123456789" * 100), Counted(content), [0]
    old.name = "old"
    digest, ops, new = read_plan(stream, len(content), "x")
    total = sum(op[-1] for op in ops)
    check_plan(ops, new, min(total, 1 << 20), "x")

    def sink(block: bytes) -> None:
        size[0] += len(block)

    splice(stream, ops, old, sink)
    assert size[0] == total
    return digest, ops, new


def layout(content: bytes) -> Any:
    from wheelyard.host.distinfo import wheel_layout

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "demo-1.0-py3-none-any.whl")
        path.write_bytes(content)
        wheel_layout(str(path))  # what is in a damaged zip depends on the zipfile of each Python


def installed(content: bytes) -> Any:
    from wheelyard.host.distinfo import installed_in, recorded_files

    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder).resolve() / "base"
        info = base / "lib" / "demo-1.0.dist-info"
        info.mkdir(parents=True)
        Path(folder, "secret").write_bytes(b"x")
        (base / "lib" / "demo.py").write_bytes(b"x")
        (info / "RECORD").write_bytes(content)
        (dist,) = installed_in([str(info.parent)])
        return [os.fsencode(str(Path(path).relative_to(base))) for path in recorded_files(dist, str(base))]


def wheel(content: bytes) -> Any:
    from wheelyard.wheels.read import read

    facts = read(content, filename="demo-1.0-py3-none-any.whl")
    metadata_of_parsed(facts.metadata)
    assert all(".." not in name.split("/") and not name.startswith("/") for name in facts.members), facts.members
    return len(facts.members)


def sdist(content: bytes) -> Any:
    from wheelyard.sdist.metadata import static_metadata
    from wheelyard.sdist.reader import read
    from wheelyard.sdist.unpack import unpack_sdist

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "demo-1.0.tar.gz")
        path.write_bytes(content)
        facts = read(path)
        static_metadata(path)
        unpack_sdist(path, Path(folder, "in", "to"))
        assert sorted(found.name for found in Path(folder).iterdir()) == ["demo-1.0.tar.gz", "in"]
        assert [found.name for found in Path(folder, "in").iterdir()] == ["to"]
        return len(facts.members)


def source_tree(content: bytes) -> Any:
    from wheelyard.sdist.metadata import build_backend, declared_requirements, static_metadata

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "demo-1.0.tar.gz")
        path.write_bytes(content)
        static_metadata(path)
        build_backend(path)
        with tarfile.open(str(path)) as archive:
            member = archive.extractfile("demo-1.0/pyproject.toml")
            assert member is not None
            Path(folder, "pyproject.toml").write_bytes(member.read())
        declared_requirements(Path(folder))


def metadata(content: bytes) -> Any:
    from wheelyard.wheels.core_metadata import read_headers
    from wheelyard.wheels.metadata_check import metadata_faults

    metadata_faults("METADATA", read_headers(content))
    return metadata_of_parsed(content)


def metadata_of_parsed(content: bytes) -> Any:
    from wheelyard.wheels.core_metadata import asked_of, extras_of, parse
    from wheelyard.wheels.licence import license_of

    parsed = parse(content)
    asked_of(parsed)
    license_of(parsed)
    return [extras_of(requirement) for requirement in parsed.requirements()]


def entry_points(content: bytes) -> Any:
    from wheelyard.wheels.metadata_check import entry_point_faults

    return list(entry_point_faults(content))


def html(content: bytes) -> Any:
    return page("html", content)


def json_page(content: bytes) -> Any:
    return page("json", content)


def page(kind: str, content: bytes) -> Any:
    from importlib import import_module

    parser = import_module("wheelyard.upstream." + kind)
    found = parser.parse(content, url="https://index.example/simple/demo/", project="demo", index="main")
    for file in found:
        assert file.url.startswith(("https://", "http://")), file
        assert "/" not in file.filename, file
        assert file.filename.isprintable(), file
        assert file.provenance is None or file.provenance.startswith(("https://", "http://")), file
    return len(found)


def pylock(content: bytes) -> Any:
    return configuration("pylock.toml", content)


def requirements(content: bytes) -> Any:
    return configuration("requirements.txt", content)


def pyproject(content: bytes) -> Any:
    return configuration("pyproject.toml", content)


def wheelyard_toml(content: bytes) -> Any:
    return configuration("wheelyard.toml", content)


def configuration(name: str, content: bytes) -> Any:
    from wheelyard.config.load import load
    from wheelyard.domain.errors import Failures, WheelyardError

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        Path(folder, "pylock.toml").write_text(
            'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "six"\nversion = "1.0"\n'
            '[[packages.wheels]]\nname = "six-1.0-py3-none-any.whl"\nurl = "https://files.example/six.whl"\n'
            'hashes = { sha256 = "' + "a" * 64 + '" }\n'
        )
        path.write_bytes(content)
        try:
            config = load(path)
        except Failures as failures:
            errors = failures.errors
        except WheelyardError as error:
            errors = (error,)
        else:
            assert config.requirements or config.locks
            assert config.targets
            return
    for fault in errors:
        assert fault.where
        assert "\n" not in fault.where
    raise errors[0]


def own_lock(content: bytes) -> Any:
    from wheelyard.lock.pylock import dumps, loads

    text = dumps(loads(content.decode("utf-8", "replace"), where="pylock.x.toml"))
    assert dumps(loads(text, where="again")) == text


KINDS = {
    each.__name__: each
    for each in (
        manifest, choice, signature, signers, revoked, policy, policy_files, tar, volume, bundle, splice, layout,
        installed, wheel, sdist, source_tree, metadata, entry_points, html, json_page, pylock, requirements, pyproject,
        wheelyard_toml, own_lock,
    )
}  # fmt: skip


class Counted(io.BytesIO):
    """A stream that nobody may read far beyond its end: that would be a loop."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.left = 1000 + len(content)

    def read(self, size: Optional[int] = -1) -> bytes:
        block = super().read(size)
        self.left -= 1
        assert self.left > 0, "read again and again"
        return block


def plain(value: Any) -> Any:
    """Return a value as JSON has it, whatever the Python."""
    if isinstance(value, dict):
        return sorted((plain(key), plain(each)) for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value


def verdict_of(kind: str, content: bytes) -> str:
    from wheelyard.host.refusal import Refused

    try:
        value = KINDS[kind](content)
    except Exception as error:
        errors = sys.modules.get("wheelyard.domain.errors")
        foreseen = (Refused,) if errors is None else (Refused, errors.WheelyardError)  # type: Tuple[Any, ...]
        if isinstance(error, foreseen):
            str(error)
            return "refused: {}".format(getattr(error, "name", type(error).__name__))
        return "".join(traceback.format_exception(type(error), error, error.__traceback__))
    text = json.dumps(plain(value), sort_keys=True)
    return "ok: " + hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def main() -> None:
    source, whole = sys.argv[1:]
    if whole == "host":  # as on a host: nothing of the package but what runs there
        package = types.ModuleType("wheelyard")
        package.__path__ = [str(Path(source, "wheelyard"))]
        sys.modules["wheelyard"] = package
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for line in sys.stdin:
        kind, content = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        said = verdict_of(kind, base64.b64decode(content))
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
