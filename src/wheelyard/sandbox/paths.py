"""Paths that every sandbox has."""

from __future__ import annotations

SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt/rh")
"""What a sandbox of this machine shows of the system itself, as far as it is there."""

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
