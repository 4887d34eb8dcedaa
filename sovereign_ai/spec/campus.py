"""A campus: the buildings of a site, the routes of fibre between them, the links that join their fabrics."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sovereign_ai.spec.base import Count, Model, Name, added_later
from sovereign_ai.units import Metres, Ratio

TwoNames = Annotated[tuple[Name, ...], Field(min_length=2, max_length=2)]
"""Two names."""


class Building(Model):
    """A building with its halls."""

    name: Name
    """Unique in the site."""
    halls: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Its halls; every hall of the site is in one building."""


class BuildingRoute(Model):
    """A route of fibre between two buildings, such as a duct bank with a path of its own."""

    name: Name
    """Unique in the site."""
    between: TwoNames
    """The two buildings."""
    length: Metres
    """Length of a fibre on it from switch room to switch room, risers and slack included."""
    fibres: Count | None = None
    """Fibres laid on it; left out, the plan counts those that are needed and compares nothing."""


class BuildingLink(Model):
    """Links between the fabrics of two buildings, on all routes between them."""

    fabrics: TwoNames
    """Two fabrics, each with the pools of one building alone."""
    oversubscription: Ratio
    """What the machines of the smaller fabric send, to what the links carry, such as `4:1`."""
    optic: Name | None = added_later()
    """An optic of the catalogue; left out, the one of the links' rate with the least reach that suffices."""


class Campus(Model):
    """The buildings of a site and what joins them."""

    buildings: Annotated[tuple[Building, ...], Field(min_length=2, max_length=64)]
    """Buildings."""
    routes: Annotated[tuple[BuildingRoute, ...], Field(min_length=1, max_length=1024)]
    """Routes between them; several between the same two survive the loss of one."""
    links: tuple[BuildingLink, ...] = ()
    """What joins the fabrics of two buildings; without any, no job spans buildings."""
