"""A certificate for ``localhost`` of our own authority, made on the spot."""

from __future__ import annotations

import subprocess
from pathlib import Path


def certify(folder: Path) -> tuple[Path, Path]:
    """Write ``cert.pem``, which is its own authority, and ``key.pem`` into a folder; return both. Needs openssl."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    outputs = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", *kind, *subject, *outputs], check=True, capture_output=True)
    return certificate, key
