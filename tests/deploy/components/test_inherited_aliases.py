"""Where the engine finds a component whose parents have moved, of any depth."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pulumi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.deploy.components.children import former_names
from sovereign_ai.deploy.components.inherited_aliases import Place, ancestors, place_of, urn_in_state

HEAD = "urn:pulumi:s::p::"
ALIASES = ("none", "relative", "absolute")


@dataclass
class Step:
    """One component of a chain, as the state has it and as the program has it now.

    Attributes:
        changed: whether its name and its type are others now.
        derived: whether its name begins with that of its parent.
        alias: what kind of alias it has: its former name and type below the present parent, or the whole URN.
    """

    changed: bool
    derived: bool
    alias: str


def name_of(depth: int, chain: list[Step], *, now: bool) -> str:
    step = chain[depth]
    age = "new" if now and step.changed else "old"
    if depth and step.derived:
        return f"{name_of(depth - 1, chain, now=now)}-{age}"
    return f"{age}{depth}."


def kinds_of(depth: int, chain: list[Step], *, now: bool) -> str:
    return "$".join(
        f"my:{'new' if now and step.changed else 'old'}:T{n}" for n, step in enumerate(chain[: depth + 1])
    )


def urn_of(depth: int, chain: list[Step], *, now: bool) -> str:
    return f"{HEAD}{kinds_of(depth, chain, now=now)}::{name_of(depth, chain, now=now)}"


def declared(chain: list[Step]) -> list[Place]:
    """The chain as a program declares it."""
    places = []
    for depth, step in enumerate(chain):
        above = kinds_of(depth - 1, chain, now=True) + "$" if depth else ""
        relative = f"{HEAD}{above}my:old:T{depth}::{name_of(depth, chain, now=False)}"
        known = {"none": (), "relative": (relative,), "absolute": (urn_of(depth, chain, now=False),)}
        places.append(Place(urn_of(depth, chain, now=True), known[step.alias]))
    return places


def keeps(chain: list[Step]) -> bool:
    """Whether the aliases lead from the last component of a chain to what it was."""
    kept = True
    for step in chain:
        kept = step.alias == "absolute" or (kept and (not step.changed or step.alias == "relative"))
    return kept


CHAINS = st.lists(
    st.builds(Step, st.booleans(), st.booleans(), st.sampled_from(ALIASES)), min_size=1, max_size=6
)


@settings(max_examples=1000)
@given(CHAINS)
def test_a_component_is_found_if_and_only_if_each_change_above_it_has_an_alias(chain: list[Step]) -> None:
    last = len(chain) - 1
    held = {urn_of(depth, chain, now=False) for depth in range(len(chain))}
    expected = urn_of(last, chain, now=False) if keeps(chain) else None
    assert urn_in_state(declared(chain), held) == expected


def test_once_a_parent_has_its_new_urn_its_aliases_give_its_children_nothing() -> None:
    """So that what an interrupted deployment left below the old one is not taken for this component."""
    site = Place(f"{HEAD}my:index:Site::fra", (f"{HEAD}my:index:Place::fra",))
    chain = [site, Place(f"{HEAD}my:index:Site$my:index:Lab::lab")]
    old = {f"{HEAD}my:index:Place::fra", f"{HEAD}my:index:Place$my:index:Lab::lab"}
    assert urn_in_state(chain, old) == f"{HEAD}my:index:Place$my:index:Lab::lab"
    assert urn_in_state(chain, {site.urn, *old}) is None


def test_a_component_is_looked_for_under_its_own_urn_before_any_alias() -> None:
    place = Place(f"{HEAD}my:index:Site::fra", (f"{HEAD}my:index:Site::ber",))
    assert urn_in_state([place], {place.urn, *place.aliases}) == place.urn
    assert urn_in_state([place], set()) is None


class Part(pulumi.ComponentResource):
    """A component that no engine knows, noted by its parent as the SDK does it."""

    def __init__(self, name: str, parent: Part | None = None, *aliases: str) -> None:
        self._type, self._name, self._aliases = "my:index:Part", name, list(aliases)
        self._childResources: set[pulumi.Resource] = set()
        if parent is not None:
            parent._childResources.add(self)

    @property
    def urn(self) -> pulumi.Output[str]:
        return pulumi.Output.from_input(f"{HEAD}my:index:Part::{self._name}")


def test_all_components_above_one_are_found_the_outermost_first() -> None:
    region = Part("region")
    site = Part("site", region)
    hall, _ = Part("hall", site), Part("other", site)
    assert ancestors(hall) == [region, site, hall]
    assert ancestors(None) == []


def test_an_alias_below_the_stack_itself_has_no_parent() -> None:
    part = Part("a", None, f"{HEAD}pulumi:pulumi:Stack$my:index:Part::b")

    async def place() -> Place:
        return await place_of(part)

    assert asyncio.run(place()).aliases == (f"{HEAD}my:index:Part::b",)


@pytest.mark.parametrize(
    ("alias", "name", "known"), [("", "fra-lab", []), ("u", "lab", []), ("u", "fra-lab", None)]
)
def test_a_name_that_begins_with_that_of_a_renamed_parent_may_have_been_another(
    alias: str, name: str, known: list[str] | None
) -> None:
    region = Part("region", None, *filter(None, [alias]))
    opts = pulumi.ResourceOptions(parent=Part("fra", region))
    assert former_names(opts, name) == known
