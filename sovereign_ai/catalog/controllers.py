"""Controllers that run on a cluster beside the workloads: what each does, who is behind it, what it reaches.

A row lists what the software asks for as it is published. What a row does not list is not known, and is found
in the manifests of an installation alone.

>>> controller_row("kueue").function, controller_row("trainer").needs
('queueing', ('jobset',))
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from sovereign_ai.catalog.figures import (
    DefectiveDataError,
    Row,
    Sourced,
    find_row,
    rows,
    rows_of_descriptions,
)
from sovereign_ai.frozen_dataclass import frozen_dataclass

FUNCTIONS = (
    "queueing",
    "jobs",
    "gangs",
    "serving",
    "monitoring",
    "gpus",
    "network",
    "devices",
    "health",
    "certificates",
)
"""What a controller is there for, in the order of the fields of `platform`."""
CONTACTS: Mapping[str, str] = MappingProxyType(
    {
        "endpoints": "endpoint",
        "heartbeats": "heartbeat",
        "telemetry": "telemetry",
        "packages": "packages",
    }
)
"""Figure of a row to the kind of the contacts that it lists."""


@frozen_dataclass(kw_only=True)
class KnownContact:
    """A place that a controller reaches as it is shipped.

    Attributes:
        name: its name in the row.
        kind: `endpoint`, `heartbeat`, `telemetry` or `packages`.
        place: the host, or the place in words where the row can name no host.
    """

    name: str
    kind: str
    place: str


@frozen_dataclass(kw_only=True)
class CatalogController(Sourced):
    """One controller.

    Attributes:
        title: the name as people write it.
        vendor: the supplier's name in `suppliers`.
        function: one of `FUNCTIONS`.
        repository: where its source is kept.
        version: the version that the row was written for.
        licence: SPDX identifier of its licence.
        namespace: the namespace that it is installed into.
        images: the images as they are published, without tags.
        needs: other controllers without which it does not work.
        conflicts: other controllers beside which it does not work.
        endpoints: hosts that it calls as it is shipped.
        heartbeats: hosts that must answer it, or it stops.
        telemetry: hosts that it reports to.
        packages: places that it installs packages from when it runs.
    """

    title: str
    vendor: str
    function: str
    repository: str
    version: str | None
    licence: str
    namespace: str
    images: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    endpoints: tuple[KnownContact, ...] = ()
    heartbeats: tuple[KnownContact, ...] = ()
    telemetry: tuple[KnownContact, ...] = ()
    packages: tuple[KnownContact, ...] = ()

    @property
    def contacts(self) -> tuple[KnownContact, ...]:
        """Every place that it reaches as it is shipped."""
        return (*self.endpoints, *self.heartbeats, *self.telemetry, *self.packages)

    def reason(self, field: str, name: str) -> str:
        """Return why it needs, or conflicts with, another controller; empty if the row does not say so.

        Args:
            field: `needs` or `conflicts`.
            name: the other controller.
        """
        for figure in self.figures:
            if figure.field == f"{field}.{name}":
                return str(figure.value)
        return ""


def of_row(row: Row) -> CatalogController:
    """Build one controller from its row.

    Raises:
        DefectiveDataError: a figure is missing, or the function is none of `FUNCTIONS`.
    """
    function = row.needed_text("function")
    if function not in FUNCTIONS:
        raise DefectiveDataError(f"{row.name()}: {function!r} is none of {', '.join(FUNCTIONS)}")
    images = _listed(row, "images")
    needs = _listed(row, "needs")
    conflicts = _listed(row, "conflicts")
    title = row.name("title")
    vendor = row.name("vendor")
    repository = row.needed_text("repository")
    version = row.text("version")
    licence = row.needed_text("licence")
    namespace = row.needed_text("namespace")
    endpoints = _contacts(row, "endpoints")
    heartbeats = _contacts(row, "heartbeats")
    telemetry = _contacts(row, "telemetry")
    packages = _contacts(row, "packages")
    return CatalogController(
        name=row.name(),
        figures=row.figures,
        title=title,
        vendor=vendor,
        function=function,
        repository=repository,
        version=version,
        licence=licence,
        namespace=namespace,
        images=tuple(images.values()),
        needs=tuple(needs),
        conflicts=tuple(conflicts),
        endpoints=endpoints,
        heartbeats=heartbeats,
        telemetry=telemetry,
        packages=packages,
    )


def _listed(row: Row, field: str) -> dict[str, str]:
    """Return name and text of each figure of a mapping such as `images`, in the order of the file."""
    listed: dict[str, str] = {}
    for key in row.by_field:
        outer, _, name = key.partition(".")
        if outer == field and name:
            listed[name] = row.needed_text(key)
    return listed


def _contacts(row: Row, field: str) -> tuple[KnownContact, ...]:
    """Return the contacts that a mapping of figures lists."""
    kind = CONTACTS[field]
    contacts: list[KnownContact] = []
    for name, place in _listed(row, field).items():
        contact = KnownContact(name=name, kind=kind, place=place)
        contacts.append(contact)
    return tuple(contacts)


# Frozen, since every caller shares the one mapping.
@cache
def _by_name() -> Mapping[str, CatalogController]:
    """Read the table once."""
    return MappingProxyType({row.name(): of_row(row) for row in rows("controllers.json")})


def controller_rows() -> tuple[CatalogController, ...]:
    """Return every controller of the package, sorted by name, then those of descriptions."""
    return (*_by_name().values(), *rows_of_descriptions("controller").values())


def controller_row(name: str) -> CatalogController:
    """Return one controller.

    Raises:
        UnknownNameError: there is no such name.
    """
    return find_row("controller", name, _by_name())
