"""Optics of links to the outside: which of the catalogue's carry the links of a port."""

from __future__ import annotations

from sovereign_ai.catalog.parts import CatalogPart, part, parts
from sovereign_ai.plan.fabric.clos import MisfitError
from sovereign_ai.text import counted
from sovereign_ai.units import BitsPerSecond


def links_of_optic(optic: CatalogPart, rate: int) -> int:
    """Return how many links of a rate an optic carries, each over fibres of its own; 0 where it carries none.

    >>> [links_of_optic(part(name), 400 * 10**9) for name in ("lr4-400g", "fr4x2-800g", "lr4-100g")]
    [1, 2, 0]
    >>> links_of_optic(part("fr4-400g"), 100 * 10**9), links_of_optic(part("dr4-400g"), 100 * 10**9)
    (0, 4)
    """
    if optic.kind != "optic" or optic.rate is None or not optic.fibres or optic.rate.count % rate:
        return 0
    links = optic.rate.count // rate
    # A link has one fibre at least for each direction.
    return 0 if optic.fibres % (2 * links) else links


def refuse_unfit_optic(name: str, rate: int, links: int) -> None:
    """Refuse an optic that does not carry the links of a port.

    Args:
        name: the catalogue's name of it.
        rate: bits a second of a link.
        links: links of a port.

    Raises:
        MisfitError: it carries more, fewer, or links of another rate.
    """
    if links_of_optic(part(name), rate) == links:
        return
    carried = BitsPerSecond(rate)
    noun = f"a link of {carried}" if links == 1 else f"{counted(links, 'link')} of {carried} from one port"
    fitting: list[str] = []
    for other in parts():
        if links_of_optic(other, rate) == links:
            fitting.append(other.name)
    hint = "bring a row of an optic that does under `catalog`, or leave it out"
    if fitting:
        hint = f"such as {', '.join(fitting)}"
    raise MisfitError("border.optic", f"{name} does not carry {noun}", hint)
