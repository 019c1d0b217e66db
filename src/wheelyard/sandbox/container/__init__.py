"""Containers as sandboxes, through podman or docker."""
