"""Papers for whoever approves a bundle: SBOM, licences, known vulnerabilities, provenance, what changed."""
