"""Draw a plan as one SVG: racks by hall, nodes coloured by pool, and the compute fabrics above them.

The picture follows from the plan alone and is the same on any machine. Where a plan is too large to draw
whole, it shows the first racks and switches and states how many more there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from sovereign_ai.plan import Plan, Rack
from sovereign_ai.plan.fabric import FabricPlan, Switch
from sovereign_ai.text import counted

# Lengths are in user units of the SVG, one a pixel at its natural size.
_WIDTH = 920
_MARGIN = 24
_RIGHT = _WIDTH - _MARGIN
_RACK_WIDTH, _RACK_GAP, _RACK_HEIGHT = 62, 10, 84
_MOST_RACKS, _MOST_SWITCHES = 36, 32
_TIERS = ("core", "spine", "leaf", "border")
"""Tiers of a fabric from the top of the picture."""
_LETTER = 6.4
"""Estimated width of a letter of the legend: an SVG cannot measure text before it is shown."""
_SMALL_LETTER = 6.2
"""The same for the captions of switches."""
_POOL_COLOURS = ("#3b82f6", "#f59e0b", "#10b981", "#a855f7", "#ef4444", "#14b8a6", "#eab308", "#ec4899")
_STYLE = """
text{font:12px system-ui,sans-serif;fill:#1f2937}\
.h{font-weight:600;font-size:15px}.s{font-size:10.5px;fill:#6b7280}
.r{fill:none;stroke:#9ca3af}.w{fill:#e5e7eb;stroke:#9ca3af}.l{stroke:#9ca3af;stroke-width:.6}.b{fill:#ffffff}
@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.s{fill:#9ca3af}.r{stroke:#6b7280}\
.w{fill:#374151;stroke:#6b7280}.b{fill:#111827}}
"""


class _Sheet:
    """Collects shapes and keeps how far down the page they reach."""

    def __init__(self) -> None:
        self.shapes: list[str] = []
        self.y = _MARGIN

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        style = f' class="{kind}"' if kind else ""
        self.shapes.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{style}>{escape(words)}</text>')

    def heading(self, words: str) -> None:
        self.text(_MARGIN, self.y, words, "h")

    def note(self, words: str) -> None:
        """Write a small text that ends at the right margin."""
        self.text(_RIGHT, self.y, words, "s", "end")

    def box(
        self, x: float, y: float, width: float, height: float, kind: str = "", fill: str = "", title: str = ""
    ) -> None:
        style = f' class="{kind}"' if kind else f' fill="{fill}"'
        inner = f"<title>{escape(title)}</title>" if title else ""
        size = f'width="{width:g}" height="{height:g}"'
        self.shapes.append(f'<rect x="{x:g}" y="{y:g}" {size} rx="2"{style}>{inner}</rect>')

    def line(self, x1: float, y1: float, x2: float, y2: float) -> None:
        self.shapes.append(f'<line class="l" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>')


def draw_plan(plan: Plan) -> str:
    """Return the plan as SVG text.

    Args:
        plan: the plan to draw.
    """
    sheet = _Sheet()
    _draw_title(sheet, plan)
    colours = _pool_colours(plan)
    _draw_legend(sheet, plan, colours)
    for fabric in plan.fabrics:
        if fabric.role == "compute":
            _draw_fabric(sheet, fabric)
    halls = set()
    for rack in plan.racks:
        halls.add((rack.site, rack.hall))
    for site, hall in sorted(halls):
        _draw_hall(sheet, plan, site, hall, colours)
    height = sheet.y + _MARGIN
    size = f'viewBox="0 0 {_WIDTH} {height:g}" width="{_WIDTH}" height="{height:g}"'
    label = f'role="img" aria-label="Plan of {escape(plan.factory)}"'
    background = '<rect class="b" width="100%" height="100%"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {label}><style>{_STYLE}</style>{background}'
    return "\n".join([head, *sheet.shapes, "</svg>"]) + "\n"


def _draw_title(sheet: _Sheet, plan: Plan) -> None:
    working = [node for node in plan.nodes if not node.spare]
    spares = len(plan.nodes) - len(working)
    gpus = sum(node.gpus for node in working)
    kilowatts = sum(site.it_load for site in plan.power) / 1000
    sheet.y += 6
    sheet.heading(plan.factory)
    nodes_text = counted(len(working), "node")
    gpus_text = counted(gpus, "GPU")
    words = (
        f"{nodes_text} and {counted(spares, 'spare')}, {gpus_text}, {counted(len(plan.racks), 'rack')}, "
        f"{kilowatts:,.1f} kW of IT load"
    )
    sheet.text(_RIGHT, sheet.y, words, anchor="end")
    sheet.y += 22


def _pool_colours(plan: Plan) -> dict[str, str]:
    colours: dict[str, str] = {}
    for node in plan.nodes:
        if node.pool not in colours:
            # Beyond eight pools the colours repeat.
            colours[node.pool] = _POOL_COLOURS[len(colours) % len(_POOL_COLOURS)]
    return colours


def _draw_legend(sheet: _Sheet, plan: Plan, colours: Mapping[str, str]) -> None:
    x = float(_MARGIN)
    for pool, colour in colours.items():
        nodes = [node for node in plan.nodes if node.pool == pool]
        spares = sum(node.spare for node in nodes)
        kept = f" and {counted(spares, 'spare')}" if spares else ""
        words = f"{pool}: {len(nodes) - spares:,} x {nodes[0].system}{kept}, zone {nodes[0].zone}"
        width = _LETTER * len(words)
        if x + 22 + width > _RIGHT:
            x = float(_MARGIN)
            sheet.y += 18
        sheet.box(x, sheet.y - 9, 11, 11, fill=colour)
        sheet.text(x + 16, sheet.y, words)
        x += 40 + width
    sheet.y += 26


def _draw_fabric(sheet: _Sheet, fabric: FabricPlan) -> None:
    tiers: dict[str, list[Switch]] = {}
    for tier in _TIERS:
        tiers[tier] = []
    for switch in fabric.switches:
        tiers[switch.tier].append(switch)
    sheet.heading(fabric.name)
    counts = ", ".join(f"{len(switches):,} {tier}" for tier, switches in tiers.items() if switches)
    rails = counted(fabric.rails, "rail")
    if fabric.rails == 1:
        rails = f"rail {fabric.first_rail}"
    cables = (
        f"{counted(len(fabric.cables), 'cable')}, {fabric.kind}, {rails} at {fabric.link // 10**9} Gbps, "
        f"{fabric.oversubscription}"
    )
    sheet.note(f"{counts}; {cables}")
    sheet.y += 12
    positions: dict[str, tuple[float, float]] = {}
    for switches in tiers.values():
        if switches:
            _draw_tier(sheet, switches, positions)
    drawn: set[tuple[str, str]] = set()
    for lower, upper in fabric.cables.pairs():
        if lower in positions and upper in positions:
            drawn.add((lower, upper))
    lines = _Sheet()
    for lower, upper in sorted(drawn):
        x1, y1 = positions[lower]
        x2, y2 = positions[upper]
        lines.line(x1, y1, x2, y2 + 16)
    # The more cables, the fainter each, so that a dense fabric does not become one grey area.
    opacity = max(0.12, min(0.8, 64 / max(len(drawn), 1)))
    # SVG paints in order: the cables come first, so that switches lie above them.
    sheet.shapes[:0] = [f'<g opacity="{opacity:.2f}">', *lines.shapes, "</g>"]
    sheet.y -= 16


def _caption(switch: Switch) -> str:
    """Return the short name of a switch, `r3.001` for a leaf of rail 3."""
    number = switch.name.rsplit("-", 1)[-1]
    return f"r{switch.rail}.{number}" if switch.rail >= 0 else number


def _draw_tier(sheet: _Sheet, switches: Sequence[Switch], positions: dict[str, tuple[float, float]]) -> None:
    shown = switches[:_MOST_SWITCHES]
    step = (_WIDTH - 2 * _MARGIN) / max(len(shown), 4)
    width = min(step - 6, 64)
    for index, switch in enumerate(shown):
        x = _MARGIN + step * (index + 0.5)
        positions[switch.name] = (x, sheet.y)
        sheet.box(x - width / 2, sheet.y, width, 16, "w", title=switch.name)
        caption = _caption(switch)
        if width >= _SMALL_LETTER * len(caption):
            sheet.text(x, sheet.y + 12, caption, "s", "middle")
    hidden = len(switches) - len(shown)
    if hidden:
        sheet.text(_RIGHT, sheet.y + 28, f"and {hidden:,} more", "s", "end")
        sheet.y += 10
    sheet.y += 56


def _draw_hall(sheet: _Sheet, plan: Plan, site: str, hall: str, colours: Mapping[str, str]) -> None:
    racks = [rack for rack in plan.racks if (rack.site, rack.hall) == (site, hall)]
    pools = {}
    for node in plan.nodes:
        if node.hall == hall:
            pools[node.name] = node.pool
    kilowatts = sum(rack.power for rack in racks) / 1000
    sheet.y += 8
    sheet.heading(f"{site} / {hall}")
    sheet.note(f"{counted(len(racks), 'rack')}, {kilowatts:,.1f} kW")
    sheet.y += 12
    for line in _in_lines(racks[:_MOST_RACKS]):
        for index, rack in enumerate(line):
            _draw_rack(sheet, rack, _MARGIN + index * (_RACK_WIDTH + _RACK_GAP), pools, colours)
        sheet.y += _RACK_HEIGHT + 34
    if len(racks) > _MOST_RACKS:
        sheet.text(_MARGIN, sheet.y + 4, f"and {counted(len(racks) - _MOST_RACKS, 'more rack')}", "s")
        sheet.y += 22


def _in_lines(racks: Sequence[Rack]) -> Iterable[Sequence[Rack]]:
    """Return racks in lines that are as long as the page is wide."""
    most = (_WIDTH - 2 * _MARGIN + _RACK_GAP) // (_RACK_WIDTH + _RACK_GAP)
    return [racks[start : start + most] for start in range(0, len(racks), most)]


def _draw_rack(
    sheet: _Sheet, rack: Rack, x: float, pools: Mapping[str, str], colours: Mapping[str, str]
) -> None:
    title = f"{rack.name}: {', '.join(rack.devices)}"
    sheet.box(x, sheet.y, _RACK_WIDTH, _RACK_HEIGHT, "r", title=title)
    step = (_RACK_HEIGHT - 4) / max(len(rack.devices), 4)
    width, height = _RACK_WIDTH - 8, max(step - 1.5, 1)
    for index, device in enumerate(rack.devices):
        y = sheet.y + _RACK_HEIGHT - 2 - step * (index + 1)
        pool = pools.get(device)
        if pool is None:
            sheet.box(x + 4, y, width, height, "w", title=device)
        else:
            sheet.box(x + 4, y, width, height, fill=colours[pool], title=device)
    middle, bottom = x + _RACK_WIDTH / 2, sheet.y + _RACK_HEIGHT
    sheet.text(middle, bottom + 12, rack.name, "s", "middle")
    power = f"{rack.power / 1000:g} kW" if rack.power else rack.kind
    sheet.text(middle, bottom + 24, power, "s", "middle")
