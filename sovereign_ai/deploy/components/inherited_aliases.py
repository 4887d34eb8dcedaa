"""Under which URN of its state the engine finds a component, by its own aliases and by those of all above it.

The engine looks a resource up by its URN, then by its aliases. Where it finds it by an alias, each child has
an alias too: its own name and type below the URN that was found, and so on for the children's children. The
Python SDK works that out for one parent alone, and passes on what the engine never looks for, since it does
not know the state. As in `generateAliases` and `inheritedChildAlias` of pkg/resource/deploy/step_generator.go
of Pulumi 3.259.0.

    urn_in_state([site, deployment], held)   # each with its URN and aliases, the outermost first
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator, Sequence

import pulumi

from sovereign_ai.frozen_dataclass import frozen_dataclass

_STACK = "pulumi:pulumi:Stack$"


@frozen_dataclass
class Place:
    """A component as a program declares it.

    Attributes:
        urn: its URN.
        aliases: the URNs that its own aliases give it.
    """

    urn: str
    aliases: tuple[str, ...] = ()


def urn_in_state(chain: Sequence[Place], held: Collection[str]) -> str | None:
    """Return the URN of a state under which the engine finds a component; None where it finds none.

    Args:
        chain: the components above it, the outermost first, and itself.
        held: the URNs of the state.
    """
    found: str | None = None
    parent: Place | None = None
    for place in chain:
        # A parent that is found under its own URN gives its children no other one.
        moved = parent if parent is not None and found not in {None, parent.urn} else None
        urns = _candidates(place, moved, found or "")
        found = next((urn for urn in urns if urn in held), None)
        parent = place
    return found


async def place_of(component: pulumi.Resource) -> Place:
    """Return a component of this program with its URN and its aliases, once they are known."""
    aliases = []
    for alias in component._aliases:  # noqa: SLF001 - nothing else has them
        urn = await pulumi.Output.from_input(alias).future()
        if urn is not None:
            aliases.append(urn.replace(f"::{_STACK}", "::", 1))
    urn = await component.urn.future()
    return Place(str(urn), tuple(aliases))


def ancestors(parent: pulumi.Resource | None) -> list[pulumi.Resource]:
    """Return a parent and all above it, the outermost first.

    Of a parent that another program has declared, in another language, nothing but the URN is known.
    """
    parents = _parents() if parent is not None else {}
    chain: list[pulumi.Resource] = []
    while parent is not None and hasattr(parent, "_aliases"):
        chain.append(parent)
        parent = parents.get(id(parent))
    return chain[::-1]


def _parents() -> dict[int, pulumi.Resource]:
    """Return the parent of each resource of this process, by the resource's `id()`.

    The SDK notes the children of a parent, and of no child the parent: so all resources are looked at.
    """
    parents: dict[int, pulumi.Resource] = {}
    for resource in gc.get_objects():
        # Not `isinstance`, which asks the objects of everybody else for their `__class__`.
        if issubclass(type(resource), pulumi.Resource):
            for child in tuple(vars(resource).get("_childResources", ())):
                parents[id(child)] = resource
    return parents


def _candidates(place: Place, moved: Place | None, former: str) -> Iterator[str]:
    """Yield the URNs by which the engine looks for a component, in its order.

    Args:
        place: the component.
        moved: its parent, where the engine has found that under another URN.
        former: that URN.
    """
    yield from _own(place)
    if moved is not None:
        for urn in _own(place):
            yield _inherited(urn, place.urn, moved.urn, former)


def _own(place: Place) -> Iterable[str]:
    return place.urn, *place.aliases


def _inherited(urn: str, now: str, parent: str, former: str) -> str:
    """Return the URN that a component has below the former URN of its parent.

    Args:
        urn: its own URN, or one of its aliases.
        now: its own URN, which has the stack and the project of the result.
        parent: the URN of its parent.
        former: the URN under which the engine has found the parent.
    """
    _, _, kinds, name = urn.split("::", 3)
    parent_name = parent.split("::", 3)[3]
    _, _, former_kinds, former_name = former.split("::", 3)
    if name.startswith(parent_name):
        name = former_name + name.removeprefix(parent_name)
    stack, project, _, _ = now.split("::", 3)
    return "::".join((stack, project, f"{former_kinds}${kinds.rpartition('$')[2]}", name))
