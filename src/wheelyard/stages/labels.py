"""Wheels labelled as in the wheel-variant drafts: PEP 825 (file names, metadata, order) and PEP 850 (providers).

A variant's wheel is copied without its local version and with a label at the end of its name. Beside the baseline's
wheel of the same release it lies in one plain folder, with ``<name>-<version>-variants.json``, which tells an installer
what each label needs of the host and which one to prefer. The label is the local version: ``mkl.v3``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from wheelyard.domain import wheel_name
from wheelyard.domain.errors import VariantError
from wheelyard.domain.events import Reporter, Warned, silent
from wheelyard.domain.folder import FilledFolder
from wheelyard.domain.site import Entry, LabelledFolder, Wheel
from wheelyard.domain.variant import Variant, VariantProperty
from wheelyard.index.layout import TABLE
from wheelyard.lock import requirements_txt
from wheelyard.stages.plan import Plan
from wheelyard.store.blobs import Store
from wheelyard.store.memo import memo
from wheelyard.variants.axes import AXES
from wheelyard.variants.model import FOLDER, preferred
from wheelyard.wheels.facts import facts
from wheelyard.wheels.rewrite import Changes, rewrite

SCHEMA = "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json"
"""The draft that is written: PEP 825 with the providers of PEP 850. uv knows it, and no other tool has to."""
NOTE = "variant.json"
"""In dist-info: the same as the table beside the wheels, for the one label of this wheel."""

OURS = "wheelyard"
"""Our own namespace: its one feature is the label."""

_EDITION = "2"
"""Raise it when a wheel is labelled in another way."""

Properties = tuple[VariantProperty, ...]


def properties(variant: Variant) -> Properties:
    """Return what a wheel of this variant needs and is: ours first, then what hosts must have.

    :raises VariantError: if no provider can tell whether a host has what was chosen.
    """
    ours = VariantProperty(namespace=OURS, feature="choice", value=variant.local_version)
    chosen = [variant_property for axis in AXES.values() for variant_property in axis.properties(variant.choice)]
    return tuple(_by_need((ours, *chosen)))


def table(choices: Mapping[str, Properties], only: str | None = None) -> bytes:
    """Return ``<name>-<version>-variants.json``, or with ``only`` the ``variant.json`` of one label's wheel.

    The drafts compare variants by namespace first. Ours is the first, and lists the labels in the order of
    ``preferred``: so that decides, among those whose needs the host meets.

    :param choices: by label, all of one release, in that order.
    """
    used: dict[str, list[VariantProperty]] = {}
    for prop in _by_need(package for one in choices.values() for package in one):
        used.setdefault(prop.namespace, []).append(prop)
    content = {
        "$schema": SCHEMA,
        "default-priorities": {"namespace": list(used)},
        "providers": {namespace: _provider(found) for namespace, found in used.items()},
        "variants": {label: _values(wanted) for label, wanted in choices.items() if only in (None, label)},
    }
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def _by_need(found: Iterable[VariantProperty]) -> list[VariantProperty]:
    """Return properties in the order of their namespaces: ours, what hosts must have, what is a matter of taste."""
    return sorted(found, key=lambda each: (each.namespace != OURS, each.provider is None))


def _provider(found: Sequence[VariantProperty]) -> Mapping[str, object]:
    """Return who tells whether a host has what one namespace says."""
    if packages := sorted({each.provider for each in found if each.provider is not None}):
        return {"requires": packages}
    features = dict.fromkeys(each.feature for each in found)
    values = {name: dict.fromkeys(each.value for each in found if each.feature == name) for name in features}
    return {"static-properties": {name: list(each) for name, each in values.items()}}


def _values(wanted: Properties) -> dict[str, dict[str, list[str]]]:
    values: dict[str, dict[str, list[str]]] = {}
    for each in wanted:
        values.setdefault(each.namespace, {}).setdefault(each.feature, []).append(each.value)
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rebuilt:
    """A wheel of a variant, to be labelled."""

    target: str
    label: str
    properties: Properties
    version: str
    """Of the release: that of the baseline's wheel."""
    entry: Entry

    @property
    def release(self) -> tuple[str, str]:
        return self.entry.wheel.name, self.version


def labelled_folders(
    plans: Sequence[Plan], filled: Mapping[str, FilledFolder], *, store: Store, epoch: int, report: Reporter = silent
) -> tuple[LabelledFolder, ...]:
    """Return the folder of labelled wheels of each target that has variants.

    :param plans: the baselines and their variants, these in the admin's order.
    :param filled: what each folder holds.
    :param epoch: the time of the members of a wheel that is written.
    :raises WheelError: if a wheel is damaged.
    """
    order = preferred(plan.variant for plan in plans if plan.variant is not None)
    plans = sorted(plans, key=lambda plan: -1 if plan.variant is None else order.index(plan.variant))
    meanings = _all_properties(plans, report)
    rebuilt = _rebuilt(plans, filled, meanings)
    releases: dict[tuple[str, str], dict[str, Properties]] = {}
    for package in rebuilt:
        releases.setdefault(package.release, {}).setdefault(package.label, package.properties)
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="label") as pool:
        made = list(pool.map(lambda each: _label(each, releases[each.release], store, epoch), rebuilt))
    labelled = [plan for plan in plans if plan.variant is not None and plan.variant.name in meanings]
    entries: dict[str, dict[str, Entry]] = {}
    for each, entry in zip(rebuilt, made, strict=True):
        entries.setdefault(each.target, {}).setdefault(entry.wheel.filename, entry)
    return tuple(
        _folder(plan, labelled, filled, tuple(entries[plan.name].values()), releases, store)
        for plan in plans
        if plan.variant is None and plan.name in entries
    )


def _all_properties(plans: Sequence[Plan], report: Reporter) -> Mapping[str, Properties]:
    """Return what the labels of variants mean, by the variants' names; one that cannot be labelled is left out."""
    found: dict[str, Properties] = {}
    for variant in {plan.variant.name: plan.variant for plan in plans if plan.variant is not None}.values():
        try:
            found[variant.name] = properties(variant)
        except VariantError as error:
            why = f"{variant.name} is left out, as {error.message}; it has its own folder, as always"
            report(Warned(message=f"variant-wheels: {why}"))
    return found


def _rebuilt(
    plans: Sequence[Plan], filled: Mapping[str, FilledFolder], meanings: Mapping[str, Properties]
) -> tuple[_Rebuilt, ...]:
    found: list[_Rebuilt] = []
    for plan in plans:
        variant = plan.variant
        if variant is None or variant.name not in meanings:
            continue
        for package, entry in zip(plan.lock.packages, filled[plan.name].entries, strict=True):
            if entry.built is not None and package.name in variant.packages:
                found.append(
                    _Rebuilt(
                        target=plan.target.name,
                        label=variant.local_version,
                        properties=meanings[variant.name],
                        version=package.version,
                        entry=entry,
                    )
                )
    return tuple(found)


def _label(rebuilt: _Rebuilt, choices: Mapping[str, Properties], store: Store, epoch: int) -> Entry:
    """Return a labelled wheel, made anew only if it was not made before."""
    old, note = rebuilt.entry.wheel, table(choices, rebuilt.label)
    asked = json.dumps([old.filename, old.sha256, rebuilt.label, note.decode(), epoch])

    def make() -> list[str]:
        changes = Changes(without_local_version=rebuilt.label, variant_label=rebuilt.label, extra={NOTE: note})
        with store.scratch() as folder:
            path = rewrite(store.take(old.sha256, folder / "old" / old.filename), folder, changes, epoch=epoch)
            return [path.name, store.add_file(path)]

    def load(known: list[str]) -> list[str]:
        if not store.has(known[1]):
            raise KeyError(known[1])
        return known

    key = hashlib.sha256(asked.encode()).hexdigest()
    filename, sha256 = memo(store, "labelled", _EDITION, key, make, load=load)
    found = facts(store, wheel_name.unlabelled(filename), sha256)
    wheel = replace(old, filename=filename, sha256=sha256, size=found.size, version=rebuilt.version)
    return replace(rebuilt.entry, wheel=wheel)


def _folder(
    baseline: Plan,
    plans: Iterable[Plan],
    filled: Mapping[str, FilledFolder],
    labelled: Sequence[Entry],
    releases: Mapping[tuple[str, str], Mapping[str, Properties]],
    store: Store,
) -> LabelledFolder:
    """Return one folder: the baseline's wheels, the labelled ones, and what only these require (a shared BLAS)."""
    entries = {entry.wheel.filename: entry for entry in filled[baseline.name].entries}
    packages = {package.name: package for package in filled[baseline.name].lock.packages}
    for plan in plans:
        if plan.variant is not None and plan.target == baseline.target:
            folder = filled[plan.name]
            for package, entry in zip(folder.lock.packages, folder.entries, strict=True):
                if package.name not in packages:
                    packages[package.name] = package
                    entries[entry.wheel.filename] = entry
    entries |= {entry.wheel.filename: entry for entry in labelled}
    hashes: dict[str, set[str]] = {}
    for entry in entries.values():
        hashes.setdefault(entry.wheel.name, set()).add(entry.wheel.sha256)
    lines = (
        requirements_txt.PinnedLine(
            name=each.name, version=each.version, sha256s=sorted(hashes[each.name]), extras=each.extras, via=each.via
        )
        for _, each in sorted(packages.items())
    )
    said = f"Locked by wheelyard for {baseline.target.name}, with the hashes of all variants"
    released = dict.fromkeys((entry.wheel.name, entry.wheel.version) for entry in labelled)
    return LabelledFolder(
        name=f"{baseline.target.name}.{FOLDER}",
        entries=tuple(entries.values()),
        tables=tuple(_table(*release, releases[release], store) for release in released),
        requirements_txt=requirements_txt.render(lines, header=(f"{said}; made again by: wheelyard build",)),
    )


def _table(name: str, version: str, choices: Mapping[str, Properties], store: Store) -> Wheel:
    content = table(choices)
    filename = f"{name.replace('-', '_')}-{version}{TABLE}"
    return Wheel(filename=filename, sha256=store.add_bytes(content), size=len(content), name=name, version=version)
