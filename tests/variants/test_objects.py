"""Instruction levels are read out of object code that a real compiler made."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from wheelyard.domain.errors import VariantError, WheelError
from wheelyard.schema.tables import texts
from wheelyard.variants.axes.simd import objects
from wheelyard.variants.axes.simd.schema import SimdRecipeKeys
from wheelyard.variants.book import builtin

pytestmark = [
    pytest.mark.skipif(platform.machine() != "x86_64", reason="these are levels of x86-64"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc"),
    pytest.mark.skipif(shutil.which("objdump") is None, reason="there is no objdump"),
]

LOOP = "void add_scaled(long n, double f, double *x, double *y) { for (long i = 0; i < n; i++) y[i] += f * x[i]; }\n"
KERNELS = """
__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw"))) void sum_AVX512_SKX(long n, double *x, double *y)
{ for (long i = 0; i < n; i++) y[i] += x[i]; }
__attribute__((target("avx2,fma"))) void sum_avx2(long n, double *x, double *y)
{ for (long i = 0; i < n; i++) y[i] += x[i]; }
"""


def compiled(folder: Path, source: str, *flags: str) -> Path:
    (folder / "code.c").write_text(source)
    path = folder / "code.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O3", *flags, "-o", path, folder / "code.c"], check=True)
    return path


@pytest.mark.parametrize(
    ("flags", "level"),
    [((), 1), (("-march=x86-64-v3",), 3), (("-march=x86-64-v4",), 4), (("-mavx",), 3)],
    ids=["baseline", "v3", "v4", "only AVX"],
)
def test_a_plain_loop(tmp_path: Path, flags: tuple[str, ...], level: int) -> None:
    code = objects.inspect(compiled(tmp_path, LOOP, *flags))
    assert code.named
    assert code.highest == level
    assert "add_scaled" in code.levels[level]


@pytest.mark.parametrize(
    ("body", "level"),
    [
        ("int f(unsigned long x) { return __builtin_popcountl(x); }", 2),
        ("#include <math.h>\ndouble f(double x) { return floor(x); }", 2),
        ("unsigned long f(unsigned long x, int n) { return x << n; }", 3),
        ("unsigned f(unsigned a, unsigned b) { return ~a & b; }", 3),
    ],
    ids=["popcnt", "roundsd", "shlx", "andn"],
)
def test_instructions_that_are_no_vectors(tmp_path: Path, body: str, level: int) -> None:
    code = objects.inspect(compiled(tmp_path, body + "\n", f"-march=x86-64-v{level}"))
    assert "f" in code.levels[level]
    assert "f" in objects.inspect(compiled(tmp_path, body + "\n")).levels[1]


def test_sse2_is_no_higher_level(tmp_path: Path) -> None:
    source = "void f(int n, short *x, short *y) { for (int i = 0; i < n; i++) y[i] = y[i] * x[i] > 3 ? x[i] : y[i]; }\n"
    assert objects.inspect(compiled(tmp_path, source)).highest == 1


def test_a_baseline_with_kernels_that_nobody_declared(tmp_path: Path) -> None:
    code = objects.inspect(compiled(tmp_path, LOOP + KERNELS))
    with pytest.raises(VariantError, match="needs x86-64-v4 in sum_avx2, sum_AVX512_SKX") as caught:
        objects.check([code], "baseline", "demo 1.0")
    assert "[packages.NAME] dispatched" in (caught.value.hint or "")


def test_dispatched_kernels_are_no_fault(tmp_path: Path) -> None:
    code = objects.inspect(compiled(tmp_path, LOOP + KERNELS), dispatched=[re.compile("_AVX512"), re.compile("_avx2$")])
    assert objects.faults([code], "baseline") == ()
    assert (code.dispatched[4], code.dispatched[3]) == (1, 1)


def test_kernels_are_known_by_their_source_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = (
        "static __attribute__((noinline)) void help(long n, double *x) { for (long i = 0; i < n; i++) x[i] *= 3; }\n"
    )
    pointed = "void (*volatile chosen)(long, double *) = help;\n"  # who calls it cannot be seen
    (tmp_path / "sum.dispatch.c").write_text(kernel + pointed + "void sum_X86_V4(long n, double *x) { help(n, x); }\n")
    (tmp_path / "code.c").write_text(LOOP)
    flags = ["gcc", "-fPIC", "-O3", "-c"]
    subprocess.run([*flags, "-march=x86-64-v4", "-o", tmp_path / "a.o", tmp_path / "sum.dispatch.c"], check=True)
    subprocess.run([*flags, "-o", tmp_path / "b.o", tmp_path / "code.c"], check=True)
    objects_ = [str(tmp_path / name) for name in ("a.o", "b.o")]
    subprocess.run(["gcc", "-shared", "-o", tmp_path / "both.so", *objects_], check=True)
    by_name = objects.inspect(tmp_path / "both.so", dispatched=[re.compile("_X86_V4$")])
    assert by_name.levels[4] == ("help",)
    by_file = objects.inspect(tmp_path / "both.so", dispatched=[re.compile("_X86_V4$"), re.compile(r"\.dispatch\.")])
    assert by_file.highest == 1
    # Wherever a piece that is disassembled ends, it ends behind a function.
    for window in (96, 128, 224):
        monkeypatch.setattr(objects, "_WINDOW", window)
        assert (
            objects.inspect(tmp_path / "both.so", dispatched=[re.compile("_X86_V4$"), re.compile(r"\.dispatch\.")])
            == by_file
        )


def test_dispatched_kernels_do_not_make_a_level(tmp_path: Path) -> None:
    code = objects.inspect(compiled(tmp_path, LOOP + KERNELS), dispatched=[re.compile("_AVX512|_avx2$")])
    assert "did not reach the compiler" in objects.faults([code], "x86-64-v3")[0]


def test_a_level_is_kept_to(tmp_path: Path) -> None:
    v3 = objects.inspect(compiled(tmp_path, LOOP, "-march=x86-64-v3"))
    v4 = objects.inspect(compiled(tmp_path, LOOP, "-march=x86-64-v4"))
    assert objects.faults([v3], "x86-64-v3") == ()
    assert objects.faults([v4], "x86-64-v4") == ()
    assert objects.faults([v4], "skylake_avx512") == ()
    assert "needs x86-64-v4 in add_scaled" in objects.faults([v4], "x86-64-v3")[0]
    assert "needs x86-64-v3" in objects.faults([v3], "x86-64-v2")[0]


ASKING = """
__attribute__((noinline)) static void more(long n, double *x) { for (long i = 0; i < n; i++) x[i] *= 1.5; }
__attribute__((target("avx2,fma"))) void sum_avx2(long n, double *x, double *y) { %s }
void sum(long n, double *x, double *y)
{ if (__builtin_cpu_supports("avx2")) sum_avx2(n, x, y); else for (long i = 0; i < n; i++) y[i] += x[i]; }
"""


def test_a_kernel_is_believed_where_the_cpu_is_asked(tmp_path: Path) -> None:
    asking = compiled(tmp_path, LOOP + ASKING % "for (long i = 0; i < n; i++) y[i] += x[i];")
    code = objects.inspect(asking)
    assert code.asks
    assert code.kernels[3] == ("sum_avx2",)
    assert objects.too_high([code], "x86-64") == ()
    # The same name where nothing asks; and a plain function where something does.
    silent = objects.inspect(compiled(tmp_path, LOOP + KERNELS), name="demo/_core.so")
    assert objects.too_high([silent], "x86-64") == ("demo/_core.so needs x86-64-v4 in sum_avx2, sum_AVX512_SKX",)
    assert objects.too_high([silent, code], "x86-64") == (), "one module asks for another"
    assert objects.settling([silent], "x86-64-v3") == ("^sum_AVX512_SKX$",)
    plain = objects.inspect(compiled(tmp_path, LOOP + ASKING % "", "-march=x86-64-v3"), name="core.so")
    assert plain.asks
    assert "core.so needs x86-64-v3 in add_scaled" in objects.too_high([plain], "x86-64-v2")[0]
    assert objects.too_high([plain], "x86-64-v3") == ()


def test_helpers_of_kernels_are_kernels(tmp_path: Path) -> None:
    source = LOOP + ASKING.replace("__attribute__((noinline)) static", STATIC_AVX) % "more(n, y);"
    code = objects.inspect(compiled(tmp_path, source))
    assert code.kernels[3] == ("more",)
    assert code.levels[3] == ()
    shared = objects.inspect(compiled(tmp_path, source + "void go(double *x) { more(9, x); }\n"))
    assert shared.levels[3] == ("more",), "a plain function calls it as well"


@pytest.mark.parametrize(
    ("package", "version", "function", "feature"),
    [
        ("crc32c", "2.9.post0", "_crc32c_hw_adler", "sse4.2"),
        ("pyroaring", "1.2.0", "bitset_clear_list", "avx2"),
        ("pyroaring", "1.2.0", "intersect_vector16_cardinality", "avx2"),
        ("zstandard", "0.25.0", "HUF_decompress4X1_usingDTable_internal_fast_c_loop", "avx2"),
    ],
)
def test_what_packages_are_known_to_ask_for(
    tmp_path: Path, package: str, version: str, function: str, feature: str
) -> None:
    said = builtin().said(package, version, SimdRecipeKeys)
    dispatched = [re.compile(text) for text in texts(said.dispatched)]
    kernel = KERNEL_OF.format(feature=feature)
    known, other = (
        objects.inspect(compiled(tmp_path, kernel % name), dispatched=dispatched)
        for name in (function, f"{function}_of_others")
    )
    assert objects.too_high([known], "x86-64") == ()
    assert f"in {function}_of_others" in objects.too_high([other], "x86-64")[0], "nothing else is let through"


KERNEL_OF = '__attribute__((target("{feature}"))) void %s(const int *x, int *y) '
KERNEL_OF += "{{ for (int i = 0; i < 64; i++) y[i] = x[i] > y[i] ? x[i] : y[i]; }}\n"

STATIC_AVX = '__attribute__((noinline, noclone, target("avx2"))) static'


def test_a_library_is_told_from_a_stripped_package(tmp_path: Path) -> None:
    blas = "void mkl_cold(double *x) __attribute__((cold)); void mkl_cold(double *x) { x[0] = 1; }\n"
    blas += KERNELS.replace("sum_AVX512_SKX", "mkl_sum").replace("void sum_avx2", "static inline void unused")
    (tmp_path / "blas.c").write_text(blas)
    subprocess.run(["gcc", "-fPIC", "-O3", "-c", "-o", tmp_path / "blas.o", tmp_path / "blas.c"], check=True)
    subprocess.run(["ar", "rc", tmp_path / "libblas.a", tmp_path / "blas.o"], check=True)
    call = "void mkl_sum(long, double *, double *); void mkl_cold(double *);\n"
    call += "void go(long n, double *x, double *y) { mkl_sum(n, x, y); mkl_cold(x); }\n"
    (tmp_path / "code.c").write_text(LOOP + call)

    def inspected(*flags: str) -> objects.ObjectCode:
        files = [str(tmp_path / name) for name in ("code.so", "code.c", "libblas.a")]
        subprocess.run(["gcc", "-shared", "-fPIC", "-O3", "-s", *flags, "-o", *files], check=True)
        return objects.inspect(tmp_path / "code.so", static=re.compile("^mkl_"))

    assert not inspected().named
    assert inspected().highest == 1, "a right build"
    assert inspected("-march=x86-64-v4").highest == 4, "a wrong one"


def test_a_stripped_object_cannot_be_told_apart(tmp_path: Path) -> None:
    code = objects.inspect(compiled(tmp_path, LOOP + KERNELS, "-s"), dispatched=[re.compile("_AVX512|_avx2$")])
    assert not code.named
    assert "no symbols" in objects.faults([code], "baseline")[0]
    (pattern,) = objects.settling([code], "x86-64")
    again = objects.inspect(tmp_path / "code.so", dispatched=[re.compile(pattern)])
    assert objects.faults([again], "baseline") == ()


def test_a_library_that_is_linked_statically_is_not_the_package(tmp_path: Path) -> None:
    (tmp_path / "blas.c").write_text(KERNELS.replace("sum_AVX512_SKX", "mkl_sum").replace("sum_avx2", "helper"))
    subprocess.run(["gcc", "-fPIC", "-O3", "-c", "-o", tmp_path / "blas.o", tmp_path / "blas.c"], check=True)
    subprocess.run(["ar", "rc", tmp_path / "libblas.a", tmp_path / "blas.o"], check=True)
    call = "void mkl_sum(long, double *, double *); void go(long n, double *x, double *y) { mkl_sum(n, x, y); }\n"
    (tmp_path / "code.c").write_text(LOOP + call)
    files = [str(tmp_path / name) for name in ("code.so", "code.c", "libblas.a")]
    subprocess.run(["gcc", "-shared", "-fPIC", "-O3", "-o", *files], check=True)
    code = objects.inspect(tmp_path / "code.so", static=re.compile("^mkl_"))
    assert {"add_scaled", "go"} <= set(code.levels[1])
    assert code.highest == 1
    assert objects.inspect(tmp_path / "code.so").highest == 4


def test_what_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "not.so").write_bytes(b"\x7fELF and no more")
    with pytest.raises(WheelError, match="not a readable ELF"):
        objects.inspect(tmp_path / "not.so")
