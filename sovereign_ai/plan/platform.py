"""The platform's controllers with everything that the description leaves to the catalogue filled in.

Every cluster runs all of them. What a row of the catalogue says of a controller as it is shipped holds until
the description decides otherwise: a contact that it does not mention is taken to be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sovereign_ai.catalog import CatalogController, controller_row
from sovereign_ai.catalog.supplier import supplier
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.manifests import PlannedManifest, images_in, plan_manifests
from sovereign_ai.spec import AIFactory, Controller


@frozen_dataclass
class PlatformContact:
    """A place that a controller reaches when it runs.

    Attributes:
        name: its name, of the description or of the catalogue's row.
        kind: `endpoint`, `heartbeat`, `telemetry` or `packages`.
        place: the host; where only the catalogue names it, also a place in words; empty if it is not used.
        jurisdiction: country of who answers; empty if the description does not say it.
        used: whether it is used; what the description does not switch off is.
        described: whether the description mentions it; otherwise the software is shipped with it.
    """

    name: str
    kind: str
    place: str
    jurisdiction: str
    used: bool
    described: bool


@frozen_dataclass
class PlatformController:
    """One controller.

    Attributes:
        name: its name in the catalogue.
        title: its name as people write it.
        function: the field of `platform` that lists it.
        version: its version; empty if neither the description nor the catalogue says it.
        source: where its images are built or mirrored from.
        licence: SPDX identifier.
        vendor: who supplies it.
        holder: the vendor's ultimate parent, or the vendor itself without one.
        jurisdiction: country of that parent.
        namespace: the namespace that it is installed into.
        images: its images in the factory's registries, as described, then those of its manifests alone.
        published: images as they are published, without tags, which are to be mirrored.
        needs: controllers without which it does not work.
        contacts: what it reaches, sorted by kind and name.
        facts: where the catalogue's facts about it are from.
        objects: the names of its objects that are deployed, sorted; empty where somebody else installs it.
    """

    name: str
    title: str
    function: str
    version: str
    source: str
    licence: str
    vendor: str
    holder: str
    jurisdiction: str
    namespace: str
    images: tuple[str, ...]
    published: tuple[str, ...]
    needs: tuple[str, ...]
    contacts: tuple[PlatformContact, ...]
    facts: str
    objects: tuple[str, ...] = ()


def plan_platform(factory: AIFactory) -> tuple[PlatformController, ...]:
    """Return every controller, in the order of the description; none where it describes no platform."""
    if factory.platform is None:
        return ()
    manifests: dict[str, list[PlannedManifest]] = {}
    for manifest in plan_manifests(factory):
        manifests.setdefault(manifest.controller, []).append(manifest)
    controllers: list[PlatformController] = []
    for name in factory.platform.names():
        row, described = controller_row(name), factory.platform.controller(name)
        controllers.append(_plan_controller(row, described, manifests.get(name, ())))
    return tuple(controllers)


def platform_namespaces(factory: AIFactory) -> dict[str, str]:
    """Return each namespace of the platform with the first controller that is in it or brings it."""
    namespaces: dict[str, str] = {}
    for controller in plan_platform(factory):
        namespaces.setdefault(controller.namespace, controller.name)
    for manifest in plan_manifests(factory):
        if manifest.obj["kind"] == "Namespace":
            namespaces.setdefault(manifest.obj["metadata"]["name"], manifest.controller)
    return namespaces


def _plan_controller(
    row: CatalogController, described: Controller | None, manifests: Iterable[PlannedManifest]
) -> PlatformController:
    """Return one controller.

    Args:
        row: its row in the catalogue.
        described: what the description decides about it.
        manifests: its objects.
    """
    objects: list[str] = []
    images = dict.fromkeys(described.images if described else ())
    for manifest in manifests:
        objects.append(manifest.title)
        images.update(dict.fromkeys(images_in(manifest.obj)))
    seat = supplier(row.vendor)
    details = described or Controller(name=row.name)
    # The catalogue's parent is that of its own vendor, and says nothing about another supplier.
    parent = seat.parent if details.vendor is None else None
    vendor = details.vendor or seat.title
    licence = row.source_of("licence")
    return PlatformController(
        name=row.name,
        title=row.title,
        function=row.function,
        version=details.version or row.version or "",
        source=details.source or row.repository,
        licence=details.licence or row.licence,
        vendor=vendor,
        holder=parent or vendor,
        jurisdiction=details.jurisdiction or seat.seat,
        namespace=details.namespace or row.namespace,
        images=tuple(images),
        published=row.images,
        needs=row.needs,
        contacts=_contacts(row, details),
        facts=f"{licence.grade}: {licence.source}, read {licence.read}" if licence else "",
        objects=tuple(sorted(objects)),
    )


def _contacts(row: CatalogController, details: Controller) -> tuple[PlatformContact, ...]:
    """Return what the description says of contacts, and what the software is shipped with beside them."""
    contacts: list[PlatformContact] = []
    for contact in details.contacts:
        place, country = contact.host or "", contact.jurisdiction or ""
        planned = PlatformContact(
            contact.name, contact.kind, place, country, used=contact.used, described=True
        )
        contacts.append(planned)
    described = {contact.name for contact in details.contacts}
    for known in row.contacts:
        if known.name not in described:
            shipped = PlatformContact(known.name, known.kind, known.place, "", used=True, described=False)
            contacts.append(shipped)
    contacts.sort(key=lambda contact: (contact.kind, contact.name))
    return tuple(contacts)


def platform_rows(controllers: Iterable[PlatformController]) -> Iterator[dict[str, object]]:
    """Yield a row of the plan's summary for each controller."""
    for controller in controllers:
        used = [contact for contact in controller.contacts if contact.used]
        yield {
            "controller": controller.name,
            "function": controller.function,
            "version": controller.version,
            "licence": controller.licence,
            "vendor": controller.vendor,
            "jurisdiction": controller.jurisdiction,
            "namespace": controller.namespace,
            "images": len(controller.images),
            "contacts": len(used),
            "objects": len(controller.objects),
        }
