"""Rules on the platform's controllers: where their images come from, and what they reach when they run.

A host inside the cluster, or of a declared registry, is the factory's own. Any other is where the description
says it is: the contact's own `jurisdiction`, or the seat of the gateway that lists the host. A host of which
nothing says where it is counts as outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sovereign_ai.catalog import controller_row, expand
from sovereign_ai.plan import Plan, PlatformContact, PlatformController
from sovereign_ai.rules.controls import (
    C3A_GATEWAYS,
    C3A_UPDATES,
    CADA_DATA,
    CADA_SOFTWARE,
    CIS_PROVENANCE,
    NIS2_SUPPLY,
)
from sovereign_ai.rules.description.residency import PLAN, make_finding
from sovereign_ai.rules.duties import C3A_DISCONNECT, C3A_SERVICES, C3A_SOFTWARE, ECSF_ORIGIN, ECSF_UPDATES
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory

_IN_CLUSTER = re.compile(r"[a-z0-9-]+|[a-z0-9.-]+\.svc(\.cluster\.local)?")
"""Hosts that DNS of the cluster alone resolves: a name without a dot, and names of services."""
_PINNED = re.compile(r".+@sha256:[0-9a-f]{64}")
_REPORTS = frozenset({"telemetry", "heartbeat"})
"""Kinds of contact whose content is metrics, and not the data itself."""
_DOES = {
    "endpoint": "calls",
    "heartbeat": "waits for the answer of",
    "telemetry": "reports to",
    "packages": "installs packages from",
}


def _find_foreign_images(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield images that are in no declared registry, or not pinned where the description asks for it."""
    prefixes = tuple(f"{registry.rstrip('/')}/" for registry in factory.images.registries)
    for controller in plan.platform:
        for number, image in enumerate(controller.images):
            field = _image_field(factory, controller, number)
            resource = f"Controller/{controller.name}"
            if not image.startswith(prefixes):
                message = f"{image} comes from no registry that the description names"
                yield make_finding(rule, resource, field, message)
            if factory.images.digests == "required" and not _PINNED.fullmatch(image):
                message = f"{image} is not pinned by its digest"
                yield make_finding(rule, resource, field, message)


def _find_contacts_abroad(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield contacts that are used and lead to where data, or metrics of it, may not be."""
    for controller in plan.platform:
        for contact in controller.contacts:
            for reason in explain_contact(factory, contact):
                resource = f"Controller/{controller.name}"
                field = _contact_field(factory, controller, contact)
                message = f"{controller.title} {_DOES[contact.kind]} {contact.place} ({contact.name}): "
                yield make_finding(rule, resource, field, f"{message}{reason}")


def explain_contact(factory: AIFactory, contact: PlatformContact) -> Iterator[str]:
    """Yield what is wrong with where a contact leads; nothing where it is permitted, or not used."""
    if not contact.used:
        return
    if not contact.described:
        yield "it is shipped so, and the description does not say that it is switched off or led elsewhere"
        return
    if is_own_host(factory, contact.place):
        return
    country = contact.jurisdiction or _seat_at_gateway(factory, contact.place)
    if not country:
        yield "nothing says under whose law the other end is"
        return
    for what, areas in _permitted(factory, contact.kind):
        if country not in expand(areas):
            yield f"that is under the law of {country}; {what} may be in {', '.join(areas) or 'no country'}"


def is_own_host(factory: AIFactory, host: str) -> bool:
    """Return whether a host is inside the cluster, or the host of a declared registry."""
    registries: set[str] = set()
    for registry in factory.images.registries:
        registries.add(registry.partition("/")[0].partition(":")[0])
    return host in registries or _IN_CLUSTER.fullmatch(host) is not None


def _seat_at_gateway(factory: AIFactory, host: str) -> str:
    """Return the country of the gateway that lists a host; empty if none does."""
    for gateway in factory.gateways:
        if host in gateway.hosts:
            return gateway.seat
    return ""


def _permitted(factory: AIFactory, kind: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what may be where, for a kind of contact: by each residency policy, or by the sites."""
    if not factory.residency:
        countries: set[str] = set()
        for site in factory.sites:
            countries.add(site.country)
        yield "without a residency policy, what leaves the sites", tuple(sorted(countries))
    for policy in factory.residency:
        if kind in _REPORTS:
            yield f"metrics of {policy.data} data", policy.metrics or policy.logs
        else:
            yield f"{policy.data} data", policy.within


def _find_undescribed(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield controllers of which the description says no images, or not all, or an unknown version."""
    mirror = factory.images.registries[0].rstrip("/")
    for controller in plan.platform:
        resource = f"Controller/{controller.name}"
        field = _details_field(factory, controller)
        if not controller.images:
            published = ", ".join(controller.published) or "its images"
            message = f"no image is described: mirror {published} into {mirror}, and write the digests"
            yield make_finding(rule, resource, field, message)
        for published in _not_mirrored(controller):
            message = f"no image is called as {published}, which would be pulled from where it is published"
            yield make_finding(rule, resource, field, message)
        if not controller.version:
            yield make_finding(rule, resource, field, "nothing says which version runs")
        known = controller_row(controller.name).version
        if known and controller.version and known.lstrip("v") != controller.version.lstrip("v"):
            message = f"the catalogue knows {known}: what {controller.version} reaches may differ"
            yield make_finding(rule, resource, field, message)


def _not_mirrored(controller: PlatformController) -> Iterator[str]:
    """Yield the published images of whose name the description has none, where it has some."""
    described = {_image_name(image) for image in controller.images}
    for published in controller.published:
        if described and _image_name(published) not in described:
            yield published


def _image_name(reference: str) -> str:
    """Return the last part of an image's name, without tag and digest.

    >>> _image_name("registry.example.com:5000/ai/kueue:v1@sha256:00")
    'kueue'
    """
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _details_field(factory: AIFactory, controller: PlatformController) -> str:
    """Return the field of what is decided about a controller; where nothing is, the one that names it."""
    platform = factory.platform
    if platform is None:
        return "platform"
    for number, details in enumerate(platform.controllers):
        if details.name == controller.name:
            return f"platform.controllers[{number}]"
    names = platform.functions()[controller.function]
    return f"platform.{controller.function}[{names.index(controller.name)}]"


def _image_field(factory: AIFactory, controller: PlatformController, number: int) -> str:
    """Return the field of an image of a controller: its own, or the manifests that alone name it."""
    field = _details_field(factory, controller)
    details = factory.platform.controller(controller.name) if factory.platform else None
    is_listed = details is not None and number < len(dict.fromkeys(details.images))
    return f"{field}.images[{number}]" if is_listed else f"{field}.manifests"


def _contact_field(factory: AIFactory, controller: PlatformController, contact: PlatformContact) -> str:
    """Return the field of a contact; of one that the description does not mention, that of its controller."""
    field = _details_field(factory, controller)
    details = factory.platform.controller(controller.name) if factory.platform else None
    for number, described in enumerate(details.contacts if details else ()):
        if described.name == contact.name:
            return f"{field}.contacts[{number}]"
    return field


PLATFORM_IMAGES = Rule(
    id="PLT-001",
    title="Images of the platform's controllers are in the factory's registries, by digest",
    severity="high",
    rationale=(
        "A controller has more rights than any workload. Who fills the registry that it comes from decides "
        "what runs with them, and who closes it decides whether it starts again."
    ),
    remediation="mirror the image into a registry listed under `images.registries`, and name its digest",
    controls=(CADA_SOFTWARE, C3A_UPDATES, NIS2_SUPPLY, CIS_PROVENANCE),
    places=PLAN,
    decide=_find_foreign_images,
)
PLATFORM_CONTACTS = Rule(
    id="PLT-002",
    title="What the platform's controllers reach when they run stays where data or its metrics may be",
    severity="high",
    rationale=(
        "A report of use, a heartbeat, a check for updates and a package that is installed at run time "
        "leave the factory below every rule on workloads, and who answers them can stop doing so."
    ),
    remediation=(
        "switch it off and write `used: false`, or lead it to a host of your own and write `host` and "
        "`jurisdiction` under the controller's `contacts`"
    ),
    controls=(CADA_DATA, C3A_GATEWAYS, C3A_SERVICES, C3A_DISCONNECT, ECSF_UPDATES, NIS2_SUPPLY),
    places=PLAN,
    decide=_find_contacts_abroad,
)
PLATFORM_DETAILS = Rule(
    id="PLT-003",
    title="Version and images of each of the platform's controllers are described",
    severity="warning",
    rationale="What is not written down is in no bill of materials, and nobody can say what was checked.",
    remediation="write `version` and `images` under `platform.controllers`",
    controls=(C3A_SOFTWARE, ECSF_ORIGIN, CADA_SOFTWARE, NIS2_SUPPLY),
    places=PLAN,
    decide=_find_undescribed,
)

RULES = (PLATFORM_IMAGES, PLATFORM_CONTACTS, PLATFORM_DETAILS)
