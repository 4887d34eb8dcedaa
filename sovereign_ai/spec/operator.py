"""The operator of the factory, its owners, and its subcontractors: the legal side of the perimeter."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sovereign_ai.spec.base import Area, Country, Day, Flag, Model, Name, Text
from sovereign_ai.units import Percent


class Parent(Model):
    """The ultimate parent: the body that can instruct the operator."""

    seat: Country
    """Country of the ultimate parent's head office; its jurisdiction includes the operator."""
    name: Text | None = None
    """Legal name, where it is known."""


class Shareholder(Model):
    """A share in the operator's ownership."""

    name: Text
    """Legal name."""
    seat: Country
    """Country of the holder's head office."""
    share: Percent
    """Share of the votes; all shares together are at most 100 %."""


class Staff(Model):
    """The people who can reach the servers or the data."""

    location: tuple[Area, ...] = Field(min_length=1)
    """Countries that they work from."""
    citizenship: tuple[Area, ...] = Field(min_length=1)
    """Countries of their citizenship."""
    cleared: Flag = False
    """Whether each holds a national security clearance."""


class Certificate(Model):
    """A certificate of a third party, with its end."""

    scheme: Text
    """Such as `ISO/IEC 27001` or `BSI C5:2026`."""
    scope: Text
    """What it covers, in the certificate's words."""
    issuer: Text | None = None
    """Legal name of the body that issued it."""
    expires: Day
    """The last day on which it counts."""


class SubProcessor(Model):
    """A body that handles data or servers for the operator."""

    name: Text
    """Legal name."""
    seat: Country
    """Country of its head office."""
    parent_seat: Country | None = None
    """Country of its ultimate parent; left out, it is its own."""
    purpose: Text
    """What it does."""
    data: tuple[Name, ...] = ()
    """The data classes it can reach."""


class Operator(Model):
    """The body that runs the factory."""

    name: Text
    """Legal name."""
    seat: Country
    """Country of its registered office."""
    parent: Parent
    """The ultimate parent; the operator itself where it has none."""
    shareholders: tuple[Shareholder, ...] = ()
    """Its owners, as far as declared."""
    staff: Staff
    """People who can reach servers and data."""
    certificates: tuple[Certificate, ...] = ()
    """Certificates with scope and expiry."""
    perimeter: Text = "the clusters, networks, storage and keys that this description declares"
    """The service perimeter that is assessed, in words."""
    support: tuple[Area, ...] = ("EU",)
    """Where support is given from."""
    soc: tuple[Area, ...] = ("EU",)
    """Where the security operations centre sits."""
    sub_processors: tuple[SubProcessor, ...] = ()
    """Other bodies that take part in the service."""
    exit_plan: Literal["none", "documented", "tested"] = "none"
    """How far an exit to another operator is prepared."""
