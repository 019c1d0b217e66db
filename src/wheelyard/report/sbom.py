"""``sbom.cdx.json``: every distribution and every grafted library of a wheelhouse, as CycloneDX 1.6."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import datetime

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component as Part
from cyclonedx.model.component import ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from wheelyard import __version__
from wheelyard.domain.variant import Ingredient
from wheelyard.host.manifest import Manifest
from wheelyard.report.model import Component

_ALGORITHMS = {"sha256": HashAlgorithm.SHA_256, "sha512": HashAlgorithm.SHA_512}
_OURS = uuid.UUID("6f3a1a52-5a0e-5c53-9a70-5d1a2f0c9b11")


def _licenses(expression: str | None, declared: str = "") -> list[DisjunctiveLicense | LicenseExpression]:
    if expression is not None:
        return [LicenseExpression(expression)]
    return [DisjunctiveLicense(name=declared or "unknown")]


def _inside(component: Component) -> list[Part]:
    """Return what is in a wheel and of others: the libraries that were grafted, and a BLAS with those that it is."""
    libraries = {
        grafted.name: Part(
            type=ComponentType.LIBRARY,
            name=grafted.name,
            bom_ref=BomRef(f"{component.reference}#{grafted.name}"),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=grafted.sha256)],
            properties=[Property(name="wheelyard:component", value=grafted.component)] if grafted.component else [],
        )
        for grafted in component.grafted
    }
    wholes = [
        _ingredient(component, said.axis, said.ingredient, libraries)
        for said in component.told
        if said.ingredient is not None and not said.ingredient.loaded_from
    ]
    compiled_in = [_taken(component, url) for url in component.provenance.prefetched]
    return [*wholes, *libraries.values(), *compiled_in]


def _taken(component: Component, url: str) -> Part:
    """Return a package of another registry that a wheel was built from."""
    purl = PackageURL.from_string(url)
    kind, _, digest = str(purl.qualifiers.get("checksum", "")).partition(":")
    algorithm = _ALGORITHMS.get(kind)
    return Part(
        type=ComponentType.LIBRARY,
        name=f"{purl.namespace}/{purl.name}" if purl.namespace else purl.name,
        version=purl.version,
        bom_ref=BomRef(f"{component.reference}#{url}"),
        purl=purl,
        hashes=[HashType(alg=algorithm, content=digest)] if algorithm else [],
    )


def _ingredient(component: Component, axis: str, ingredient: Ingredient, libraries: dict[str, Part]) -> Part:
    """Return what a choice brought in; the grafted libraries that it is are taken out of the others."""
    own = [libraries.pop(name) for name in ingredient.files if name in libraries]
    return Part(
        type=ComponentType.LIBRARY,
        name=ingredient.title,
        version=ingredient.version or None,
        bom_ref=BomRef(f"{component.reference}#{axis}"),
        licenses=_licenses(ingredient.license),
        components=own,
        properties=[
            Property(name="wheelyard:linked", value="dynamically" if own else "statically"),
            *([Property(name="wheelyard:restricted", value=ingredient.restricted)] if ingredient.restricted else []),
        ],
    )


def _part(component: Component) -> Part:
    told = component.provenance
    facts = {
        "wheelyard:filename": component.filename,
        "wheelyard:folders": " ".join(component.folders),
        "wheelyard:origin": told.origin,
        "wheelyard:source": told.source,
        "wheelyard:build-key": told.build_key,
        "wheelyard:sandbox": told.sandbox,
    }
    for said in component.told:
        facts |= {f"wheelyard:{name}": value for name, value in said.properties.items()}
        if (loaded := said.ingredient) and loaded.loaded_from:
            facts |= {
                f"wheelyard:{said.axis}": f"{loaded.title}, of {loaded.loaded_from}",
                "wheelyard:restricted": loaded.restricted,
            }
    kind = "bdist_wheel" if component.filename.endswith(".whl") else "sdist"
    links = [ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(component.homepage))]
    return Part(
        type=ComponentType.LIBRARY,
        name=component.name,
        version=component.version,
        description=component.summary or None,
        bom_ref=BomRef(component.reference),
        purl=PackageURL("pypi", None, component.name, component.version, {"file_name": component.filename}),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=component.sha256)],
        licenses=_licenses(component.license.expression, component.license.declared),
        components=_inside(component),
        external_references=links if component.homepage else [],
        properties=[
            Property(name="wheelyard:kind", value=kind),
            *(Property(name=name, value=value) for name, value in facts.items() if value),
        ],
    )


def sbom(components: Sequence[Component], manifest: Manifest) -> bytes:
    """Return the SBOM of a wheelhouse: the same components give the same bytes."""
    whole = Part(
        type=ComponentType.APPLICATION,
        name=manifest.channel,
        bom_ref=BomRef("wheelhouse"),
        description="A wheelhouse: Python distributions for hosts without a network",
    )
    tool = Part(type=ComponentType.APPLICATION, name="wheelyard", version=__version__, bom_ref=BomRef("wheelyard"))
    metadata = BomMetaData(component=whole)
    metadata.tools.components.add(tool)
    parts = {component.reference: _part(component) for component in components}
    bom = Bom(components=parts.values(), metadata=metadata)
    by_name: dict[str, list[Component]] = {}
    for component in components:
        by_name.setdefault(component.name, []).append(component)
    for component in components:
        needed = [
            Dependency(ref=parts[other.reference].bom_ref)
            for name in component.requires
            for other in by_name.get(name, ())
            if set(other.folders) & set(component.folders)
        ]
        bom.dependencies.add(Dependency(ref=parts[component.reference].bom_ref, dependencies=needed))
    bom.dependencies.add(
        Dependency(ref=whole.bom_ref, dependencies=[Dependency(ref=part.bom_ref) for part in parts.values()])
    )
    identity = "\n".join(sorted(f"{component.filename} {component.sha256}" for component in components))
    bom.serial_number = uuid.uuid5(_OURS, identity)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    if manifest.created is None:
        del document["metadata"]["timestamp"]  # the library reads the clock
    else:
        document["metadata"]["timestamp"] = datetime.fromisoformat(manifest.created).isoformat()
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
