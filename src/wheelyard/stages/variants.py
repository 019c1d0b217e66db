"""Variants in the main job: from a baseline's lock to a variant's lock, its recipes and its folder.

A variant of a target is locked as a target of its own, whose versions are pinned to the baseline's, and whose rebuilt
packages are built from source with what was chosen (a BLAS) among their build requirements. What each choice means, its
axis knows.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wheelyard.build.unit import recipes_of
from wheelyard.config.model import Config, PackageRule
from wheelyard.domain.build import Recipe
from wheelyard.domain.command import Command, Limits
from wheelyard.domain.errors import Failures, ToolError, VariantError, WheelyardError
from wheelyard.domain.events import Reporter, Warned, silent
from wheelyard.domain.lock import Lock, LockedPackage
from wheelyard.domain.proof import Probe
from wheelyard.domain.requirement import Requirement
from wheelyard.domain.target import Target
from wheelyard.domain.variant import Variant
from wheelyard.prove import calculate
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.sdist.metadata import build_backend
from wheelyard.stages.plan import Plan
from wheelyard.store.blobs import Store
from wheelyard.store.memo import memo
from wheelyard.variants.axes import AXES
from wheelyard.variants.axes.protocol import Compiler, Rebuilt
from wheelyard.variants.recipes import check_target, make_recipe, prepare

_LEGACY_BACKEND = "setuptools.build_meta:__legacy__"
_PROBE = Limits(seconds=60)

# The database of packages is not there in every sandbox, the log of changes not in every image.
_VERSION_OF = """
dpkg-query -W -f '${Version}' "$1" 2>/dev/null || rpm -q --qf '%{VERSION}' "$1" 2>/dev/null ||
zcat "/usr/share/doc/$1/changelog.Debian.gz" 2>/dev/null | sed -n '1s/[^(]*(\\([^)]*\\)).*/\\1/p'
"""


def folder_name(target: Target, variant: Variant) -> str:
    """Return the name of a variant's folder below ``targets/``."""
    return f"{target.name}.{variant.name}"


def lock_name(target: Target, variant: Variant) -> str:
    """Return what the lock files of a variant are named after: PEP 751 allows no dot in ``pylock.<name>.toml``."""
    return f"{target.name}+{variant.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """Questions to the place where a target's sdists are built."""

    sandbox_for: Callable[[Recipe], Sandbox]
    scratch: Path
    """A folder that its commands may use."""
    installs: bool
    """Whether packages of its distribution can be added: it is a container's image."""
    packages: tuple[str, ...] = ()
    """Those that are added."""

    def with_packages(self, packages: Sequence[str]) -> Image:
        """Return the same place with these packages added to the others."""
        return replace(self, packages=tuple(sorted({*self.packages, *packages})))

    def digests(self, paths: Sequence[str]) -> dict[str, str]:
        """Return the SHA-256 of files by path; a file that is not there is left out.

        :raises ToolError: if there is no answer, which is not the same as no file.
        """
        if not paths:
            return {}
        code, said = self._run("/bin/sh", "-c", 'sha256sum "$@" 2>/dev/null; echo asked', "sh", *paths)
        if code != 0 or not said.endswith("asked\n"):
            raise ToolError(
                f"cannot look for files where the target is built: {said.strip()[-300:] or f'exit code {code}'}",
                where=paths[0],
                hint="see `wheelyard doctor`",
            )
        return {path: digest for digest, path in re.findall(r"^([0-9a-f]{64})  (.+)$", said, re.MULTILINE)}

    def version(self, texts: Sequence[str]) -> str:
        """Return the version of the package that a library's licence texts belong to; empty where nobody tells."""
        package = next((Path(text).parent.name for text in texts if text.startswith("/")), None)
        if package is None:
            return ""
        code, said = self._run("sh", "-c", _VERSION_OF, "sh", package)
        match = re.fullmatch(r"(?:\d+:)?([0-9][\w.+~-]*)", said.strip())
        return match[1] if code == 0 and match else ""

    def compiler(self, where: str) -> Compiler:
        """Return the C compiler.

        :raises ToolError: if there is none that we know.
        """
        code, said = self._run("cc", "--version")
        name = "clang" if "clang" in said.lower() else "gcc"
        version = re.search(r"\b(\d+\.\d+(?:\.\d+)?)\b", said.partition("\n")[0].rpartition(")")[2] or said)
        if code != 0 or version is None:
            raise ToolError("no C compiler that says its version", where=where, hint="install gcc")
        return Compiler(name="apple-clang" if "Apple" in said else name, version=version[1])

    def _run(self, *argv: str) -> tuple[int, str]:
        done = self.sandbox_for(Recipe(image_packages=self.packages)).run(
            Command(
                argv=argv,
                cwd=self.scratch,
                env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"},
                writable=(self.scratch,),
                limits=_PROBE,
                log=self.scratch / "probe.log",
            )
        )
        return done.returncode, done.output


def derived(config: Config, target: Target, variant: Variant, baseline: Lock, image: Image) -> Config:
    """Return the configuration to be locked for one variant of one target.

    :param baseline: the target's lock: its versions are kept.
    :raises VariantError: if a package is not there to be rebuilt, or what was chosen is not to be had.
    """
    where = f"variant {variant.name}, target {target.name}"
    check_target(variant, target, where)
    versions = {package.name: package.version for package in baseline.packages}
    wanted = [name for name in variant.packages if name in versions]
    if not wanted:
        raise VariantError(
            f"none of {', '.join(variant.packages)} is in the lock of {target.name}",
            where=where,
            hint="require it, or leave the variant out",
        )
    rules = {name: config.packages.get(name, PackageRule(name=name)) for name in wanted}
    image = image.with_packages([image_package for name in wanted for image_package in rules[name].image_packages])
    prepared = prepare(variant, target, image, where)
    origin = f"[[variant]] {variant.name}"
    for name, rule in rules.items():
        rules[name] = replace(
            rule,
            build="always",
            build_requires=(*rule.build_requires, *prepared.build_requirements),
            image_packages=tuple(dict.fromkeys((*rule.image_packages, *prepared.image_packages))),
        )
    pins = tuple(
        Requirement(text=f"{name}=={version}", origin=f"pylock.{target.name}.toml", line=number)
        for number, (name, version) in enumerate(versions.items(), start=1)
    )
    return replace(
        config,
        targets=(replace(target, name=lock_name(target, variant)),),
        requirements=(
            *config.requirements,
            *(Requirement(text=requirement, origin=origin, line=0) for requirement in prepared.requirements),
        ),
        constraints=(*config.constraints, *config.target_constraints.get(target.name, ()), *pins),
        rebuilt=rules,
        variants=(),
    )


def rebuilt(plan: Plan) -> tuple[LockedPackage, ...]:
    """Return the packages of a variant that are compiled for it."""
    names = plan.variant.packages if plan.variant is not None else ()
    return tuple(package for package in plan.lock.packages if package.name in names and package.how == "build")


def recipes(plan: Plan, *, store: Store, image: Image, report: Reporter = silent) -> Mapping[str, Recipe]:
    """Return the recipes of all packages of one variant of one target: give them to ``units_of`` with its lock.

    Not for what they need to be built: that runs here, whatever CPU the variant is for, and is built as ever.

    :param plan: of the derived configuration; the sdists of what is rebuilt are in the store.
    :raises VariantError: if a package has no recipe, or the compiler no code for the level.
    :raises Failures: the same of several packages.
    """
    assert plan.variant is not None  # noqa: S101  (of a baseline, ``recipes_of`` says it)
    plain = recipes_of(plan.config)
    all_recipes, errors = dict(plain), []
    for package in rebuilt(plan):
        base = plain.get(package.name, Recipe())
        try:
            made = make_recipe(
                plan.variant,
                package=package.name,
                version=package.version,
                backend=_backend(package, store),
                target=plan.target,
                image=image.with_packages(base.image_packages),
                book=plan.config.recipe_book,
                base=base,
                locked={requirement.name: requirement.version for requirement in package.build_requirements},
            )
        except VariantError as error:
            errors.append(error)
            continue
        for warning in made.warnings:
            report(Warned(message=warning))
        all_recipes[package.name] = made.recipe
    if errors:
        raise errors[0] if len(errors) == 1 else Failures(tuple(errors))
    return all_recipes


def check_folder(variant: Variant, name: str, wheels: Mapping[str, str], store: Store) -> None:
    """Refuse a folder whose wheels do not go together, counting those that were not rebuilt.

    :param wheels: by file name their SHA-256; they are in the store.
    :raises VariantError: naming the wheels.
    """
    for axis in AXES.values():
        axis.check_folder(variant, wheels, store, f"targets/{name}")


def check_fetched(plan: Plan, store: Store) -> None:
    """Refuse a variant for what was fetched for its folder, before anything of it is built.

    :raises VariantError: naming the wheels.
    """
    if plan.variant is not None:
        files = (package.file for package in plan.lock.packages if package.how != "build")
        check_folder(plan.variant, plan.name, {file.filename: file.sha256 for file in files}, store)


def not_run_here(variant: Variant) -> str:
    """Return why this machine must not run code of a variant; empty if it can."""
    reasons = (axis.not_run_here(variant.choice) for axis in AXES.values())
    return "; ".join(reason for reason in reasons if reason)


def _backend(package: LockedPackage, store: Store) -> str:
    """Return the build backend that an sdist names."""

    def look() -> str:
        named = build_backend(store.path(package.file.sha256), filename=package.file.filename)
        return named or _LEGACY_BACKEND

    return memo(store, "backends", "1", package.file.sha256, look)


def lock_variants(
    config: Config,
    locks: Mapping[str, Lock],
    image_of: Callable[[Target], Image],
    lock_one: Callable[[Config], Lock],
    recipes_for: Callable[[Plan], Mapping[str, Recipe]],
    failed: Callable[[str, WheelyardError], None],
) -> tuple[Plan, ...]:
    """Lock every variant of every target that is locked, in the admin's order, and say how its packages are built.

    :param locks: of the baselines, by target.
    :param lock_one: locks a configuration of one target.
    :param recipes_for: returns the recipes of a plan that has none yet.
    :param failed: is told of what is wrong with a variant, by the name of its folder.
    """
    plans: list[Plan] = []
    # What differs in flags only has the same build requirements: one lock, named after the first of them.
    locked: dict[tuple[object, ...], Lock] = {}
    names = {package.name for lock in locks.values() for package in lock.packages}
    targets = [target for target in config.targets if target.name in locks]
    for target, variant in itertools.product(targets, config.variants):
        folder = folder_name(target, variant)
        try:
            _check_names(variant, names)
            inner = derived(config, target, variant, locks[target.name], image_of(target))
            asked = tuple(requirement.text for requirement in inner.requirements)
            need = (target.name, asked, *((n, rule.build, rule.build_requires) for n, rule in inner.rebuilt.items()))
            if need not in locked:
                locked[need] = lock_one(inner)
            plan = Plan(name=folder, target=target, config=inner, lock=locked[need], variant=variant)
            plans.append(replace(plan, recipes=recipes_for(plan)))
        except Failures as failures:
            for error in failures.errors:
                failed(folder, error)
        except WheelyardError as error:
            failed(folder, error)
    return tuple(plans)


def _check_names(variant: Variant, names: Collection[str]) -> None:
    """Refuse a package whose name is a slip of one that is locked; any other may be in the lock of another target."""
    for name in variant.packages:
        near = difflib.get_close_matches(name, names, n=1) if name not in names else ()
        if near:
            raise VariantError(
                f"no lock has {name}, which it is to rebuild",
                where=f"{variant.where}, packages",
                hint=f"did you mean {near[0]}?",
            )


def checks_of(plan: Plan) -> Mapping[str, str]:
    """Return the code that lets packages of a folder calculate, by normalised name.

    The configuration's own, for every folder; of what is rebuilt for a variant, else that of its recipe.
    """
    variant, rules, book = plan.variant, plan.config.packages, plan.config.recipe_book
    checks = {}
    for package in plan.lock.packages:
        rule = rules.get(package.name)
        code = rule.check if rule else None
        if code is None and variant is not None and package.name in variant.packages:
            code = book.check_of(package.name, package.version)
        if code is not None:
            checks[package.name] = code
    return checks


def probes_of(plan: Plan, modules: Mapping[str, Sequence[str]]) -> tuple[Probe, ...]:
    """Return what is asked of a folder beside that it installs and imports.

    :param modules: top-level modules by normalised project name.
    """
    checks = checks_of(plan)
    calculating = tuple(calculate.probe(name, code) for name, code in checks.items())
    variant = plan.variant
    if variant is None:
        return calculating
    book, probes = plan.config.recipe_book, []
    for axis in AXES.values():
        rebuilt = [
            Rebuilt(
                modules=modules.get(package.name, ()),
                said=book.said(package.name, package.version, axis.recipe_keys),
                checked=package.name in checks,
            )
            for package in plan.lock.packages
            if package.name in variant.packages
        ]
        probes.append(axis.probe({**variant.choice, **variant.terms}, rebuilt))
    return (*(probe for probe in probes if probe is not None), *calculating)
