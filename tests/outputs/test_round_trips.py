"""What is written of a design and read back is the plan, in every format, as far as the format can say it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from sovereign_ai.adopt import compare, planned_site
from sovereign_ai.adopt.formats import FORMATS, site_of
from sovereign_ai.adopt.standing import SourceText
from sovereign_ai.adopt.subnets import machine_port
from sovereign_ai.fabric_twin.infiniband.ibsim_net import MOST_ADAPTERS, MOST_PORTS, net, net_file
from sovereign_ai.plan.fabric.planes import FabricPlan
from sovereign_ai.render.interop import file_sets
from tests.outputs.designs import design
from tests.outputs.test_every_output import ALL, SAMPLE

SPEEDS = {800: "XDR", 400: "NDR", 200: "HDR", 100: "EDR", 56: "FDR", 40: "QDR"}
"""What `ibnetdiscover` calls a link of four lanes, by Gbps."""
DESCRIPTION = re.compile(r'# "([^"]*)"')
LARGER_THAN_A_TABLE = "stack gigafactory"
"""It has more interfaces than are read of one table of NetBox: its sites are exported one at a time."""
MANAGED_BY_ITS_FIRST = "published machines-of-2026: Netris, a leaf out of band for each unit of 32 servers"
"""Its first fabric manages the switches of the second, and shows them as hosts."""
HERMETIC = [*SAMPLE, MANAGED_BY_ITS_FIRST]
NAMES = [
    *HERMETIC,
    *(
        pytest.param(name, marks=pytest.mark.loads)
        for name in ALL
        if name not in HERMETIC and name != LARGER_THAN_A_TABLE
    ),
]


def sources(name: str, form: str) -> Iterator[SourceText]:
    """Yield the files of a design in a format; `ibnetdiscover` prints the nets that ibsim is given."""
    factory, plan = design(name)
    if form == "ibnetdiscover":
        for plane in plan.fabrics:
            # A director's ports are more than ibsim's switches have: such a plane has no twin.
            ports = max(plane.radix, plane.spine_radix)
            if plane.kind == "infiniband" and plane.node_leaf <= MOST_ADAPTERS and ports <= MOST_PORTS:
                text = with_rates(net_file(net(factory, plan, plane)), plane)
                # ibsim has the port's GUID within the brackets, and the program behind them.
                printed = re.sub(r"^\[1\((\w+)\)\]", r"[1](\1)", text, flags=re.MULTILINE)
                yield SourceText(f"{plane.name}.txt", printed)
    for number, texts in enumerate(file_sets(form, factory, plan)):
        for file, text in texts.items():
            if file.endswith(FORMATS[form].endings):
                yield SourceText(f"{number}/{file}", text)


def with_rates(text: str, plane: FabricPlan) -> str:
    """Return a net file with the speed of each link in place of ibsim's, which has one speed alone."""
    lines, adapter_of = [], ""
    for line in text.splitlines():
        described = DESCRIPTION.search(line)
        if described and line.startswith(("Ca", "Switch")):
            adapter_of = described[1] if line.startswith("Ca") else ""
        elif described:
            adapter = adapter_of or (described[1] if '"H-' in line else "")
            rate = plane.host_rate(machine_port(adapter)[0]) if adapter else plane.uplink or plane.link
            lines.append(line.replace("4xSDR", f"4x{SPEEDS[rate // 10**9]}"))
            continue
        lines.append(line)
    return "\n".join(lines) + "\n"


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
