"""How much a variant is worth on this CPU: hot calls of what a wheelhouse has, baseline and variants, in one run.

Run it as ``.venv/bin/python bench/variants.py [WHEELHOUSE] [--target NAME] [--plot docs/images/variants.svg]``; without
a wheelhouse one is built of the demo extension alone: four BLAS at three levels.
Each folder of the target is installed into an environment of its own from its own lock. Then the folders take turns,
several rounds, one thread each. The least CPU time of a call counts, so that waiting for others does not; the table has
ratios to the slowest folder. Peak FLOP/s is measured in the same way, by independent FMA chains in registers.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from wheelyard.variants.axes.simd import levels

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "OMP_NUM_THREADS"), "1")

# Prints seconds by call; whatever is not installed is left out.
CALLS = """
import json, time
found = {}
def best(name, call, times=5):
    call()
    def one():
        begin = time.process_time()
        call()
        return time.process_time() - begin
    found[name] = min(one() for _ in range(times))
try:
    import numpy as np
    rng = np.random.default_rng(1)
    a, v = rng.random((1024, 1024)), rng.random(1 << 20)
    s, small = (a + a.T)[:512, :512].copy(), a[:384, :384].copy()
    best("numpy dgemm 1024", lambda: a @ a)
    best("numpy eigh 512", lambda: np.linalg.eigh(s), 3)
    best("numpy svd 384", lambda: np.linalg.svd(small), 3)
    best("numpy fft 2**20", lambda: np.fft.fft(v))
    best("numpy sort 2**20", lambda: np.sort(v))
    best("numpy exp 2**20", lambda: np.exp(v))
    best("numpy sum 2**20", lambda: v.sum())
except ImportError:
    pass
try:
    import numpy as np
    import scipy.fft, scipy.linalg
    a = np.random.default_rng(1).random((512, 512))
    best("scipy eigh 512", lambda: scipy.linalg.eigh(a + a.T), 3)
    best("scipy svd 512", lambda: scipy.linalg.svd(a), 3)
    best("scipy fft 2**20", lambda: scipy.fft.fft(np.ones(1 << 20)))
except ImportError:
    pass
try:
    import blasdemo
    found["demo dgemm 768"] = blasdemo.timed("dgemm", 768, 5)
    if blasdemo.blas_config() != "none":
        found["demo dsyev 384"] = blasdemo.timed("dsyev", 384, 3)
    found["demo loop 64*64"] = blasdemo.timed("axpy", 64, 100)
except ImportError:
    pass
print(json.dumps(found))
"""

DEMO = """
requirements = ["requirements.in"]
[[variant]]
blas = ["openblas", "mkl", "blis", "netlib"]
simd = ["x86-64-v2", "x86-64-v3", "x86-64-v4"]
packages = ["blasdemo"]
[[recipe]]
package = "blasdemo"
blas.environment = { BLASDEMO_BLAS = "{blas}" }
"""

FLOPS = {"numpy dgemm 1024": 2 * 1024**3, "demo dgemm 768": 2 * 768**3}

# Twelve independent chains: more than latency times units of any CPU of today.
PEAK = """
#include <stdio.h>
#include <time.h>
typedef double vector __attribute__((vector_size(WIDTH)));
int main(void) {
    vector s[12]; double best = 0; struct timespec a, b; long rounds = 20000000;
    for (int i = 0; i < 12; i++) for (int j = 0; j < WIDTH / 8; j++) s[i][j] = i + j;
    vector m = s[1] * 0 + 0.999999, c = s[1] * 0 + 1e-9;
    for (int turn = 0; turn < 5; turn++) {
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        for (long r = 0; r < rounds; r++) {
            _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) s[i] = s[i] * m + c;
        }
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        double t = (b.tv_sec - a.tv_sec) + 1e-9 * (b.tv_nsec - a.tv_nsec), f = 24.0 * (WIDTH / 8) * rounds / t;
        if (f > best) best = f;
    }
    double all = 0; for (int i = 0; i < 12; i++) all += s[i][0];
    fprintf(stderr, "%g", all); printf("%.6g", best); return 0;
}
"""


def peak(folder: Path) -> float:
    """Measure the FLOP/s that one core of this machine reaches with fused multiply-add."""
    width, level = (64, "x86-64-v4") if levels.not_run_here("x86-64-v4") is None else (32, "x86-64-v3")
    (folder / "peak.c").write_text(PEAK)
    flags = [f"-march={level}", "-mprefer-vector-width=512", "-O3", f"-DWIDTH={width}"]
    subprocess.run(["gcc", *flags, "-o", folder / "peak", folder / "peak.c"], check=True)
    done = subprocess.run([folder / "peak"], capture_output=True, text=True, check=True)
    return float(done.stdout)


def install(target: Path, interpreter: str, place: Path) -> None:
    """Install a folder by its lock into an environment of its own."""
    subprocess.run([interpreter, "-m", "venv", place], check=True)
    command = [place / "bin" / "python", "-m", "pip", "--isolated", "install", "--quiet", "--no-index"]
    subprocess.run([*command, "--require-hashes", "-f", target, "-r", target / "requirements.txt"], check=True)


def measure(folders: Sequence[Path], interpreter: str, rounds: int) -> dict[str, dict[str, float]]:
    """Return the fastest time of each call by folder and call; folders take turns."""
    best: dict[str, dict[str, float]] = {folder.name: {} for folder in folders}
    with tempfile.TemporaryDirectory() as scratch:
        for folder in folders:
            install(folder, interpreter, Path(scratch) / folder.name)
        for _ in range(rounds):
            for folder in folders:
                command = [Path(scratch) / folder.name / "bin" / "python", "-I", "-c", CALLS]
                environment = {**os.environ, **ONE_THREAD}
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                for call, seconds in json.loads(done.stdout).items():
                    best[folder.name][call] = min(seconds, best[folder.name].get(call, seconds))
    return best


def table(best: Mapping[str, Mapping[str, float]], top: float) -> list[str]:
    """Return the lines of a Markdown table: how many times faster than the slowest, and the share of the peak."""
    calls = list(dict.fromkeys(call for each in best.values() for call in each))
    flops = [call for call in calls if call in FLOPS]
    heads = [*calls, *(f"{call}: of peak" for call in flops)]
    lines = ["| folder | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    for folder, each in best.items():
        ratios = [f"{max(b.get(c, 0) for b in best.values()) / each[c]:.2f}" if c in each else "" for c in calls]
        shares = [f"{FLOPS[c] / each[c] / top:.0%}" if c in each else "" for c in flops]
        lines.append(f"| {folder} | " + " | ".join((*ratios, *shares)) + " |")
    return lines


def plot(best: Mapping[str, Mapping[str, float]], place: Path) -> None:
    """Draw the ratios as bars, a group for each call."""
    calls = list(dict.fromkeys(call for each in best.values() for call in each))
    row, left, width = 15, 230, 520
    parts, y = [], 20
    for call in calls:
        slowest = max(each.get(call, 0.0) for each in best.values())
        ratios = {name: slowest / each[call] for name, each in best.items() if call in each}
        parts.append(f'<text x="10" y="{y + 12}" font-weight="bold">{html.escape(call)}, times the slowest</text>')
        y += 22
        for name, ratio in ratios.items():
            length = ratio / max(ratios.values()) * (width - 60)
            parts.append(f'<text x="{left - 6}" y="{y + 11}" text-anchor="end">{html.escape(name)}</text>')
            parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{row - 3}" fill="#3f6fb5"/>')
            parts.append(f'<text x="{left + length + 5:.1f}" y="{y + 11}">{ratio:.2f}</text>')
            y += row
        y += 14
    style = 'font-family="sans-serif" font-size="11"'
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width} {y}" {style}>'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'
    )


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wheelhouse", type=Path, nargs="?", help="with numpy's variants, or any; built if left out")
    parser.add_argument("--target", help="name of the target; the first one of the manifest if it is left out")
    parser.add_argument("--python", default=sys.executable, help="the target's interpreter")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        given.wheelhouse = given.wheelhouse or demo(Path(scratch))
        report(given, Path(scratch))


def demo(folder: Path) -> Path:
    """Build a wheelhouse of the demo extension and return it."""
    sources = Path(__file__).parent.parent / "tests" / "data" / "blasdemo"
    shutil.copytree(sources, folder / "blasdemo-1.0")
    with tarfile.open(folder / "blasdemo-1.0.tar.gz", "w:gz") as archive:
        archive.add(folder / "blasdemo-1.0", arcname="blasdemo-1.0")
    (folder / "requirements.in").write_text("./blasdemo-1.0.tar.gz\n")
    (folder / "wheelyard.toml").write_text(DEMO)
    subprocess.run([sys.executable, "-m", "wheelyard", "build", "--quiet"], cwd=folder, check=True)
    return folder / "wheelhouse"


def report(given: argparse.Namespace, scratch: Path) -> None:
    """Measure the folders of one target, print the table and draw it."""
    said = json.loads((given.wheelhouse / "manifest.json").read_text())["targets"]
    name = given.target or said[0]["folder"]
    folders = []
    for each in said:
        if each["folder"] != name and not each["folder"].startswith(f"{name}."):
            continue
        if each["simd"] and (reason := levels.not_run_here(each["simd"])):
            print(f"{each['folder']}: not run here: {reason}")
            continue
        folders.append(given.wheelhouse / "targets" / each["folder"])
    top = peak(scratch)
    best = measure(folders, given.python, given.rounds)
    print(f"peak of one core: {top / 1e9:.1f} GFLOP/s; load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
    print("\n".join(table(best, top)))
    if given.plot:
        plot(best, given.plot)


if __name__ == "__main__":
    main()
