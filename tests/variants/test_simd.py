"""Instruction levels: names, flags, and what a CPU can run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.variant_tables import load_variants
from wheelyard.domain.errors import ConfigError, VariantError
from wheelyard.host import choice, machine
from wheelyard.host.machine import HostFacts
from wheelyard.host.manifest import TargetInfo
from wheelyard.host.refusal import Refused
from wheelyard.variants.axes.simd import levels
from wheelyard.variants.model import never_taken


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("x86-64-v3", "x86-64-v3"),
        ("x86_64_v3", "x86-64-v3"),
        ("armv8.2-a", "armv8.2-a"),
        ("armv8.2a", "armv8.2-a"),
        ("zen3", "zen3"),
        ("baseline", "baseline"),
    ],
)
def test_names(written: str, normal: str) -> None:
    assert levels.normalize(written, "here") == normal


@pytest.mark.parametrize("name", ["x86-64-v5", "armv8.99-a", "zen99", "", "native"])
def test_unknown_names(name: str) -> None:
    with pytest.raises(ConfigError):
        levels.normalize(name, "here")


def test_the_host_has_the_same_levels() -> None:
    """``install.py`` cannot import ours, so its table is compared."""
    for number, needed in enumerate(machine._LEVELS, start=2):
        assert set(levels.X86_LEVELS[f"x86-64-v{number}"]) == set(needed.split())


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_host_reaches_a_level_just_when_we_say_so(number: int) -> None:
    flags = levels.features("x86-64" if number == 1 else f"x86-64-v{number}")
    assert machine.cpu_level(f"flags\t: fpu {' '.join(sorted(flags))}\n") == number
    for flag in flags:
        assert machine.cpu_level(f"flags\t: fpu {' '.join(flags - {flag})}\n") < number


@pytest.mark.parametrize(
    ("level", "compiler", "version", "flags"),
    [
        ("x86-64-v3", "gcc", "12.2.0", "-march=x86-64-v3 -mtune=generic"),
        ("zen3", "gcc", "12.2.0", "-march=znver3 -mtune=znver3"),
        ("x86-64-v2", "clang", "16.0", "-march=x86-64-v2 -mtune=generic"),
        ("armv8.2-a", "gcc", "12.2.0", "-march=armv8.2-a -mtune=generic"),
        ("baseline", "gcc", "12.2.0", ""),
    ],
)
def test_flags(level: str, compiler: str, version: str, flags: str) -> None:
    assert " ".join(levels.compiler_flags(level, compiler, version, "here")) == flags


def test_a_compiler_older_than_the_name_gets_the_features() -> None:
    flags = levels.compiler_flags("x86-64-v3", "gcc", "8.5.0", "here")
    assert "-mavx2" in flags
    assert not any(flag.startswith("-march=x86-64-v") for flag in flags)


def test_a_compiler_that_does_not_know_the_cpu() -> None:
    with pytest.raises(VariantError, match=r"gcc 8\.5\.0 has no code for zen3"):
        levels.compiler_flags("zen3", "gcc", "8.5.0", "numpy 2.0")


@pytest.mark.parametrize(("level", "machine_name"), [("x86-64-v3", "aarch64"), ("armv8.2-a", "x86_64")])
def test_a_level_of_another_architecture(level: str, machine_name: str) -> None:
    with pytest.raises(VariantError, match="the target is"):
        levels.check_machine(level, machine_name, "here")
    levels.check_machine("baseline", machine_name, "here")


@pytest.mark.parametrize(
    ("level", "psabi"), [("baseline", 1), ("x86-64-v2", 2), ("zen3", 3), ("skylake_avx512", 4), ("neoverse_n1", 1)]
)
def test_the_level_that_a_name_implies(level: str, psabi: int) -> None:
    assert levels.psabi_level(level) == psabi


def test_what_a_cpu_lacks() -> None:
    haswell = levels.features("x86-64-v3")
    assert levels.missing("x86-64-v3", haswell) == ()
    assert "avx512f" in levels.missing("x86-64-v4", haswell)


def test_nothing_is_run_on_a_cpu_that_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(levels, "host_flags", lambda: levels.features("x86-64-v2"))
    assert levels.not_run_here("x86-64-v2") is None
    assert "avx2" in (levels.not_run_here("x86-64-v3") or "")
    assert "aarch64" in (levels.not_run_here("armv8.2-a") or "")
    assert levels.not_run_here("baseline") is None


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("baseline", None),
        ("x86-64-v3", "x86-64-v3"),
        ("haswell", "x86-64-v3+aes+pclmulqdq+rdrand"),
        ("armv8.2-a", "aarch64+asimdrdm+atomics+dcpop"),
    ],
)
def test_what_the_manifest_says_of_a_level(level: str, said: str | None) -> None:
    assert levels.for_host(level) == said


def target_needing(level: str | None, variant: str | None = "v") -> TargetInfo:
    said: dict[str, Any] = dict.fromkeys(TargetInfo._fields)
    said.update(
        folder=f"t.{variant}" if variant else "t",
        python="3.12",
        implementation="cpython",
        platform="linux_x86_64",
        needs={"simd": level} if level else {},
        variant=variant,
    )
    return TargetInfo(**said)


def test_the_host_refuses_a_cpu_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    host = HostFacts("3.12", "cpython", "x86_64", "glibc", (2, 34), 4)
    needs = levels.for_host("haswell") or ""
    monkeypatch.setattr(choice, "cpu_flags", lambda: {"aes", "pclmulqdq"})
    assert choice.why_not(target_needing(needs), host) == "needs a CPU with rdrand"
    assert choice.why_not(target_needing(needs), host._replace(cpu_level=2)) == "needs a CPU of level x86-64-v3"
    monkeypatch.setattr(choice, "cpu_flags", lambda: {"aes", "pclmulqdq", "rdrand"})
    assert choice.why_not(target_needing(needs), host) is None
    assert choice.why_not(target_needing("x86-64-v4"), host) is None


LOW_FIRST = ["openblas", "mkl", "openblas-v3", "mkl-v3", "openblas-v4", "mkl-v4"]


@pytest.mark.parametrize(("level", "best"), [(1, "openblas"), (2, "openblas"), (3, "openblas-v3"), (4, "openblas-v4")])
def test_auto_takes_the_best_that_the_cpu_runs(level: int, best: str) -> None:
    """Whatever the order of the levels in the file; among equals its first; the names are what ``never_taken`` says."""
    host = HostFacts("3.12", "cpython", "x86_64", "glibc", (2, 34), level)
    needs = {name: f"x86-64-{name[-2:]}" if "-v" in name else None for name in LOW_FIRST}
    targets = [target_needing(None, None), *(target_needing(need, name) for name, need in needs.items())]
    assert choice.choose(targets, host, "auto").target.variant == best
    assert choice.choose(targets, host, None).target.variant is None
    assert choice.choose(targets, host, "mkl").target.variant == "mkl"
    tables: list[object] = [{"name": name, "blas": name.partition("-")[0], "packages": ["numpy"]} for name in LOW_FIRST]
    for table, need in zip(tables, needs.values(), strict=True):
        assert isinstance(table, dict)
        table["simd"] = need or "baseline"
    behind = "mkl-v4 (behind openblas-v4), mkl-v3 (behind openblas-v3), mkl (behind openblas)"
    assert behind in never_taken(load_variants(tables))
    assert never_taken(load_variants(tables[::2])) == ""


def test_more_features_of_one_level_are_better() -> None:
    host = HostFacts("3.12", "cpython", "x86_64", "glibc", (2, 34), 4)
    flags = levels.for_host("x86-64-v3")
    targets = [target_needing(flags, "v3"), target_needing(f"{flags}+avx2+fma", "more"), target_needing(None, None)]
    assert choice.rank(targets[1].needs) > choice.rank(targets[0].needs) > choice.rank({})
    assert choice.rank({"simd": levels.for_host("haswell") or ""}) > choice.rank({"simd": "x86-64-v3"})
    assert (
        choice.choose(targets, host, "auto")
        .reasons[0]
        .startswith("t.more: fits" if levels.not_run_here("x86-64-v3") is None else "t.v3: fits")
    )


def test_a_name_that_no_variant_has_is_answered_with_those_there_are() -> None:
    host = HostFacts("3.12", "cpython", "x86_64", "glibc", (2, 34), 3)
    targets = [target_needing(None, None), target_needing("x86-64-v3", "v3"), target_needing("x86-64-v4", "v4")]
    with pytest.raises(
        Refused, match=r"no variant here is called v33 \(for this host: v3; for others: v4\)"
    ) as refused:
        choice.choose(targets, host, "v33")
    assert (refused.value.name, refused.value.code) == ("no-variant", 2)
    with pytest.raises(Refused, match=r"called v33 \(there are none\)"):
        choice.choose(targets[:1], host, "v33")
