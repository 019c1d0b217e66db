"""Where every wheel came from: the index and its hash, or the sdist, build key and sandbox."""

from __future__ import annotations

import json

from wheelyard.domain.site import Site


def provenance_json(site: Site) -> bytes:
    """Return ``provenance.json``: where every wheel of a site came from, by its SHA-256."""
    rows: dict[str, dict[str, object]] = {}
    placed = [entry for folder in site.folders for entry in folder.entries]
    labelled = [entry for folder in site.labelled for entry in folder.entries]
    for entry in (*site.extra, *placed, *labelled):
        built = entry.built
        row = {
            "origin": entry.origin,
            "source": entry.source,
            "reason": entry.reason,
            "build_key": built.key if built else "",
            "sandbox": built.sandbox if built else "",
            "grafted": list(built.grafted) if built else [],
            "prefetched": list(built.prefetched) if built else [],
            "attestations": entry.wheel.provenance or "",
            "sdist_sha256": entry.sdist_sha256,
            "sdist_index": entry.sdist_index,
            "upload_time": entry.wheel.upload_time or "",
            "yanked": entry.wheel.yanked,
        }
        rows[entry.wheel.sha256] = {
            name: value for name, value in row.items() if value or (name == "yanked" and value is not None)
        }
    return (json.dumps(rows, indent=1, sort_keys=True) + "\n").encode()
