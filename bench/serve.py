"""How fast an index of 10,000 wheels is served: requests a second, and whole installs by pips of all ages over nginx.

Run it as ``.venv/bin/python bench/serve.py [WHEELS]``; it needs wrk and nginx. Everything is measured in one run, on
loopback, with the client on the same CPUs.
"""

# ruff: noqa: E402, I001  (a script finds its neighbours only after it has said where they are)

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from index import stock

from tests.support.installers import CLIENTS, install
from tests.support.web_servers import free_port, nginx
from wheelyard.domain.site import Site
from wheelyard.index.publish import publish
from wheelyard.store.blobs import Store

SECONDS = 4
PACKAGES = 20
PIP = "Accept: application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
PATHS = {
    "a project's JSON page": "simple/project-00001/",
    "the list of all projects, gzip": "simple/",
    "a small wheel": "files/project_00001-1.0-py3-none-any.whl",
}


@contextlib.contextmanager
def own(root: Path) -> Iterator[str]:
    """Run ``wheelyard serve`` as people do."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("wheelyard")), "serve", str(root), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(1)
        yield f"http://127.0.0.1:{port}/"
        process.terminate()


def requests_a_second(url: str) -> float:
    """Return what wrk measures with 16 connections."""
    command = ["wrk", "-t", "1", "-c", "16", "-d", f"{SECONDS}s", "-H", PIP, "-H", "Accept-Encoding: gzip", url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in said, said
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found, said
    return float(found[1])


def main() -> None:
    """Measure, and print two tables."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory(prefix="wheelyard-bench-") as name:
        root = Path(name)
        root.chmod(0o755)
        store, into = Store(root / "store"), root / "wheelhouse"
        publish(Site(folders=(), extra=tuple(stock(store, root / "plain", count))), store=store, into=into)
        scratch = root / "nginx"
        scratch.mkdir()
        with nginx(into, scratch) as fast, own(into) as ours:
            print("| requests a second | nginx (1 worker) | wheelyard serve |\n| --- | ---: | ---: |")
            for what, path in PATHS.items():
                print(f"| {what} | {requests_a_second(fast + path):,.0f} | {requests_a_second(ours + path):,.0f} |")
            print(f"\n| {PACKAGES} packages of an index of {count:,} files, over nginx | seconds |\n| --- | ---: |")
            names = [f"project-{number * 7:05}" for number in range(PACKAGES)]
            for client in CLIENTS:
                started = time.perf_counter()
                done = install(client, root / f"t-{client.pip}", "--index-url", fast + "simple/", *names)
                assert done.returncode == 0, done.stdout
                who = "uv" if client.pip == "uv" else f"pip {client.pip} on Python {client.python}"
                print(f"| {who} | {time.perf_counter() - started:.1f} |")


if __name__ == "__main__":
    main()
