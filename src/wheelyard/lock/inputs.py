"""What a lock depends on: the digest that tells whether to resolve again, and the question for the resolver."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from wheelyard.config.model import Config, PackageRule
from wheelyard.domain.requirement import Requirement as Wanted
from wheelyard.domain.target import Target
from wheelyard.io import files
from wheelyard.lock import pylock, requirements_txt
from wheelyard.sdist import tree

_FORMAT = 3
"""To be raised when the same inputs would be locked differently."""

SDISTS = "wheelyard-sdists"
"""The folder beside ``wheelyard.toml`` with the sdists that were made of source trees."""


def digest(config: Config, target: Target) -> str:
    """Return the SHA-256 of everything that one target's lock depends on, save what the indexes have."""
    inputs = {
        "format": _FORMAT,
        "requirements": [_wanted(requirement, config) for requirement in config.requirements],
        "constraints": [_wanted(constraint, config) for constraint in config.constraints],
        "indexes": [[index.name, index.url, index.kind, index.explicit, index.mirror_of] for index in config.indexes],
        "index-strategy": config.index_strategy,
        "default-indexes": config.default_indexes,
        "packages": {name: _rule(rule, config.root) for name, rule in config.packages.items()},
        "only-binary": sorted(config.only_binary),
        "no-binary": sorted(config.no_binary),
        "prereleases": config.prereleases,
        "prefer-binary": config.prefer_binary,
        "resolver": config.resolver,
        "target": [target.name, target.python, target.python_full, target.platform, target.implementation, target.pip],
    }
    if config.locks:
        inputs["locks"] = [dataclasses.asdict(lock) for lock in config.locks]
    if config.overrides or config.excluded:
        inputs["overrides"] = [list(config.overrides), sorted(config.excluded)]
    if own := config.target_constraints.get(target.name):
        inputs["target-constraints"] = [_wanted(each, config) for each in own]
    if config.same_versions:
        same = config.same_versions
        inputs["same-versions"] = [same if same is True else sorted(same), [known.name for known in config.targets]]
    if config.policy.demands:
        inputs["policy"] = config.policy.identity
    if config.rebuilt:
        inputs["rebuilt"] = {name: _rule(rule, config.root) for name, rule in config.rebuilt.items()}
    if target.carried.pip or target.lacks_pip:
        inputs["carry-pip"] = target.carried.pip
    if target.build.toolchain is not None:  # decides what build requirements must run on
        inputs["toolchain"] = target.build.toolchain
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=sorted).encode()).hexdigest()


def _wanted(wanted: Wanted, config: Config) -> list[object]:
    # Not the line: a comment above it changes nothing.
    local = config.root / wanted.direct if wanted.direct and "://" not in wanted.direct else None
    content = None
    if local is not None and local.is_file():
        content = files.sha256(local)
    elif local is not None and local.is_dir():
        content = tree.digest(local, own_files(config))
    return [wanted.text, wanted.origin, wanted.direct, wanted.hashes, wanted.extras, wanted.marker, content]


def own_files(config: Config) -> frozenset[Path]:
    """Return what Wheelyard itself writes into the folder of a configuration, which may be a source tree."""
    root = config.root.resolve()
    names = [target.name for target in config.targets]
    return frozenset(
        {
            root / SDISTS,
            config.wheelhouse.resolve(),
            *(path for name in names for path in root.glob(pylock.filename(f"{name}*"))),
            *(path for name in names for path in root.glob(requirements_txt.filename(f"{name}*"))),
        }
    )


def _rule(rule: PackageRule, root: Path) -> list[object]:
    patches = [files.sha256(root / patch) if (root / patch).is_file() else str(patch) for patch in rule.patches]
    settings = {key: value if isinstance(value, str) else list(value) for key, value in rule.config_settings.items()}
    return [rule.build, rule.index, dict(rule.environment), settings, patches, list(rule.build_requires)]


def by_origin(wanted: Iterable[Wanted], pinned: Mapping[str, str]) -> dict[str, list[str]]:
    """Return requirement lines by the file that they come from.

    :param pinned: for each direct requirement (URL or path), the ``name==version`` that it turned out to be.
    """
    lines: dict[str, list[str]] = {}
    for each in wanted:
        text = _direct_line(each, pinned[each.direct]) if each.direct is not None else each.text
        lines.setdefault(each.origin, []).append(text)
    return lines


def _direct_line(wanted: Wanted, pin: str) -> str:
    extras: Iterable[str] = wanted.extras
    marker = wanted.marker
    if wanted.text:
        parsed = Requirement(wanted.text)
        extras, marker = sorted(parsed.extras), str(parsed.marker) if parsed.marker else None
    name, _, version = pin.partition("==")
    listed = f"[{','.join(extras)}]" if extras else ""
    return f"{name}{listed}=={version}" + (f" ; {marker}" if marker else "")


def name_of(wanted: Wanted) -> str | None:
    """Return the normalised name of what is required; None for a direct requirement that does not say."""
    try:
        return canonicalize_name(Requirement(wanted.text).name)
    except InvalidRequirement:
        return None


def has_one_of(blob: Path, hashes: Iterable[str]) -> bool:
    """Whether a file has one of some hashes (``sha512:…``)."""
    by_algorithm: dict[str, set[str]] = {}
    for pinned in hashes:
        algorithm, _, digest = pinned.partition(":")
        by_algorithm.setdefault(algorithm, set()).add(digest)
    for algorithm, digests in by_algorithm.items():
        with blob.open("rb") as stream:
            if hashlib.file_digest(stream, algorithm).hexdigest() in digests:
                return True
    return False


def hashes(config: Config) -> dict[str, frozenset[str]]:
    """Return the hashes that the files of each project must be among, where requirements or constraints say so."""
    allowed: dict[str, frozenset[str]] = {}
    for requirement in (*config.requirements, *config.constraints):
        name = name_of(requirement)
        if name is not None and requirement.hashes:
            allowed[name] = allowed.get(name, frozenset()) | frozenset(requirement.hashes)
    return allowed
