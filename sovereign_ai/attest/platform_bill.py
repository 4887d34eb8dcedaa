"""The platform's bill of materials, CycloneDX 1.6 JSON: each controller with its licence, vendor and images.

It states what a description says and the catalogue knows. What is inside an image is in the bill that its
publisher signs; the digest joins the two. The same description gives the same bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sovereign_ai.plan import Plan, PlatformController
from sovereign_ai.toolchain import bom_bytes

if TYPE_CHECKING:
    from cyclonedx.model import Property
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import License

_PROPERTY = "sovereign-ai:platform:"
_FIELDS = ("function", "holder", "jurisdiction", "namespace", "source")
"""Fields of a controller for which CycloneDX has no member."""
_ADDRESS = re.compile(r"(?:[a-z+]+://)?[A-Za-z0-9.-]+\.[a-z]+(?:/[A-Za-z0-9._~/-]*)?")
"""A source that is an address; one in words is a property alone."""


def platform_sbom(plan: Plan) -> bytes:
    """Write the bill of materials of a platform as canonical JSON; one without components describes none."""
    return bom_bytes(_bom(plan))


def _bom(plan: Plan) -> Bom:
    """Return the bill: the factory, its controllers, their images, and who needs whom."""
    from cyclonedx.model.bom import Bom  # noqa: PLC0415 - slow to import
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415

    bom = Bom()
    root = Component(name=plan.factory, type=ComponentType.PLATFORM, bom_ref="platform")
    bom.metadata.component = root
    controllers: dict[str, Component] = {}
    images: dict[str, Component] = {}
    for controller in plan.platform:
        controllers[controller.name] = _controller(controller)
        for reference in controller.images:
            images.setdefault(reference, _image(reference))
    for component in (*controllers.values(), *images.values()):
        bom.components.add(component)
    for controller in plan.platform:
        needed = [images[reference] for reference in controller.images]
        # What a description lacks was refused before anything was planned.
        needed += [controllers[name] for name in controller.needs]
        bom.register_dependency(controllers[controller.name], needed)
    bom.register_dependency(root, list(controllers.values()))
    return bom


def _controller(controller: PlatformController) -> Component:
    """Return the component of one controller."""
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from cyclonedx.model.contact import OrganizationalEntity  # noqa: PLC0415

    component = Component(name=controller.name, bom_ref=f"controller:{controller.name}")
    component.type = ComponentType.APPLICATION
    component.version = controller.version or None
    component.description = controller.title
    component.supplier = OrganizationalEntity(name=controller.vendor)
    component.licenses = [_licence(controller.licence)]
    component.properties = _properties(controller)
    address = controller.source
    if _ADDRESS.fullmatch(address):
        # A repository without a scheme, as the catalogue writes it, is at https.
        uri = XsUri(address if "://" in address else f"https://{address}")
        reference = ExternalReference(type=ExternalReferenceType.VCS, url=uri)
        component.external_references = [reference]
    return component


def _properties(controller: PlatformController) -> list[Property]:
    """Return what CycloneDX has no member for: function, law, namespace, objects, and what is reached."""
    from cyclonedx.model import Property  # noqa: PLC0415

    values: dict[str, str] = {}
    for field in _FIELDS:
        values[field] = getattr(controller, field)
    if controller.objects:
        values["objects"] = ", ".join(controller.objects)
    for contact in controller.contacts:
        key = f"{contact.kind}:{contact.name}"
        values[key] = contact.place if contact.used else "switched off"
    properties: list[Property] = []
    for key, value in values.items():
        name = f"{_PROPERTY}{key}"
        properties.append(Property(name=name, value=value))
    return properties


def _licence(text: str) -> License:
    """Return a licence by its SPDX identifier, or by its own words where it has none."""
    from cyclonedx.model.license import DisjunctiveLicense  # noqa: PLC0415
    from cyclonedx.spdx import is_supported_id  # noqa: PLC0415

    return DisjunctiveLicense(id=text) if is_supported_id(text) else DisjunctiveLicense(name=text)


def _image(reference: str) -> Component:
    """Return the component of one image, with its digest where it is pinned."""
    from cyclonedx.model import HashAlgorithm, HashType  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415

    name, _, digest = reference.partition("@sha256:")
    component = Component(name=name, bom_ref=f"image:{reference}")
    component.type = ComponentType.CONTAINER
    if digest:
        content = HashType(alg=HashAlgorithm.SHA_256, content=digest)
        component.hashes = [content]
        component.version = f"sha256:{digest}"
    return component
