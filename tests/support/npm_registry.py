"""A registry of npm on this machine."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Collection, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class NpmRegistry:
    """Answers what npm asks about packages; a context manager."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.versions: dict[str, dict[str, Any]] = {}
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = answers.get(unquote(self.path))
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> NpmRegistry:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, name: str, version: str, files: Mapping[str, str]) -> None:
        """Add a package."""
        manifest = {"name": name, "version": version, "main": "index.js"}
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path, text in {"package.json": json.dumps(manifest), **files}.items():
                member = tarfile.TarInfo(f"package/{path}")
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
        content = gzip.compress(packed.getvalue(), mtime=0)
        place = f"/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
        self.answers[place] = content
        digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
        dist = {"tarball": self.url + place[1:], "integrity": f"sha512-{digest}"}
        self.versions.setdefault(name, {})[version] = {**manifest, "dist": dist}
        answer = {"name": name, "dist-tags": {"latest": version}, "versions": self.versions[name]}
        self.answers[f"/{name}"] = json.dumps(answer).encode()

    def lock(self, package: Mapping[str, Any], *, without: Collection[str] = ()) -> str:
        """Return the lock of a project that needs all packages of here.

        :param without: packages of which it does not say where they are, as npm can be told.
        """
        places: dict[str, Any] = {"": {key: package[key] for key in ("name", "version", "dependencies")}}
        for name, versions in self.versions.items():
            for version, manifest in versions.items():
                entry = {"version": version, "integrity": manifest["dist"]["integrity"]}
                if name not in without:
                    entry["resolved"] = manifest["dist"]["tarball"]
                places[f"node_modules/{name}"] = entry
        head = {"name": package["name"], "version": package["version"], "lockfileVersion": 3, "requires": True}
        return json.dumps({**head, "packages": places})
