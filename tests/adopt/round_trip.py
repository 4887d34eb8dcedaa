"""Plans written in each format, and the texts that are read back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from sovereign_ai.adopt.formats import FORMATS, site_of
from sovereign_ai.adopt.planned import planned_site
from sovereign_ai.adopt.standing import SourceText, StandingSite
from sovereign_ai.fabric_twin.infiniband.ibsim_net import net, net_file
from sovereign_ai.render.interop.output_files import file_sets
from tests.render.lab import stack

PAIRS = [
    (name, form)
    for name in ("lab", "superpod")
    for form in FORMATS
    # The lab has no InfiniBand.
    if (name, form) != ("lab", "ibnetdiscover")
]


@cache
def written(name: str, form: str) -> tuple[SourceText, ...]:
    """Return every file of a stack in a format."""
    factory, plan = stack(name)
    sources = [*_subnets(name)] if form == "ibnetdiscover" else []
    for number, texts in enumerate(file_sets(form, factory, plan)):
        for file, text in texts.items():
            if file.endswith(FORMATS[form].endings):
                sources.append(SourceText(f"{number}/{file}", text))
    return tuple(sources)


def _subnets(name: str) -> Iterator[SourceText]:
    """Yield what `ibnetdiscover` prints of a plan's subnets: ibsim's net files, at the rate of the plan."""
    factory, plan = stack(name)
    for plane in plan.fabrics:
        if plane.kind == "infiniband":
            text = net_file(net(factory, plan, plane)).replace("4xSDR", "4xNDR")
            # ibsim has the port's GUID within the brackets, and the program behind them.
            printed = re.sub(r"^\[1\((\w+)\)\]", r"[1](\1)", text, flags=re.MULTILINE)
            yield SourceText(f"{plane.name}.txt", printed)


@cache
def read_back(name: str, form: str) -> StandingSite:
    """Return what the files of a stack show."""
    return site_of(FORMATS[form], written(name, form))


@cache
def planned(name: str, form: str) -> StandingSite:
    """Return what the plan of a stack would show in a format."""
    return planned_site(form, *stack(name), read_back(name, form))
