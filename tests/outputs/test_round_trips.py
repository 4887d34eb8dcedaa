"""What is written of a design and read back is the plan, in every format, as far as the format can say it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from sovereign_ai.adopt import compare, planned_site
from sovereign_ai.adopt.formats import FORMATS, site_of
from sovereign_ai.adopt.standing import SourceText
from sovereign_ai.fabric_twin.infiniband.ibsim_net import net, net_file
from sovereign_ai.render.interop import file_sets
from tests.outputs.designs import design
from tests.outputs.test_every_output import ALL, SAMPLE

NAMES = [*SAMPLE, *(pytest.param(name, marks=pytest.mark.loads) for name in ALL if name not in SAMPLE)]


def sources(name: str, form: str) -> Iterator[SourceText]:
    """Yield the files of a design in a format; `ibnetdiscover` prints the nets that ibsim is given."""
    factory, plan = design(name)
    if form == "ibnetdiscover":
        for plane in plan.fabrics:
            if plane.kind == "infiniband":
                text = net_file(net(factory, plan, plane)).replace("4xSDR", "4xNDR")
                # ibsim has the port's GUID within the brackets, and the program behind them.
                printed = re.sub(r"^\[1\((\w+)\)\]", r"[1](\1)", text, flags=re.MULTILINE)
                yield SourceText(f"{plane.name}.txt", printed)
    for number, texts in enumerate(file_sets(form, factory, plan)):
        for file, text in texts.items():
            if file.endswith(FORMATS[form].endings):
                yield SourceText(f"{number}/{file}", text)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_back_is_the_plan(name: str) -> None:
    read = 0
    for form in FORMATS:
        if written := list(sources(name, form)):
            site = site_of(FORMATS[form], written)
            comparison = compare(site, planned_site(form, *design(name), site))
            assert comparison.equal, (form, list(comparison.lines())[:5])
            assert site.devices
            read += 1
    assert read >= 2
