"""Draws a plan as one SVG: racks as they stand, machines by pool, and the compute fabric above them.

The picture follows from the plan alone and is the same on any machine. Where a plan is too large
to draw whole, the picture shows the first racks and leaves and says how many more there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.racks import Rack

_WIDTH = 920
_MARGIN = 24
_RACK_WIDTH, _RACK_GAP, _RACK_HEIGHT = 62, 10, 84
_MOST_RACKS, _MOST_SWITCHES = 36, 32
_POOL_COLOURS = ("#3b82f6", "#f59e0b", "#10b981", "#a855f7", "#ef4444", "#14b8a6", "#eab308", "#ec4899")
_STYLE = """
text{font:12px system-ui,sans-serif;fill:#1f2937}.h{font-weight:600;font-size:15px}.s{font-size:10.5px;fill:#6b7280}
.r{fill:none;stroke:#9ca3af}.w{fill:#e5e7eb;stroke:#9ca3af}.l{stroke:#9ca3af;stroke-width:.6}.b{fill:#ffffff}
@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.s{fill:#9ca3af}.r{stroke:#6b7280}.w{fill:#374151;stroke:#6b7280}.b{fill:#111827}}
"""


class _Sheet:
    """Collects shapes and knows how far down the page they reach."""

    def __init__(self) -> None:
        self.shapes: list[str] = []
        self.y = _MARGIN

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        style = f' class="{kind}"' if kind else ""
        self.shapes.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{style}>{escape(words)}</text>')

    def box(self, x: float, y: float, width: float, height: float, kind: str = "", fill: str = "", title: str = "") -> None:
        style = f' class="{kind}"' if kind else f' fill="{fill}"'
        inner = f"<title>{escape(title)}</title>" if title else ""
        self.shapes.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="2"{style}>{inner}</rect>')

    def line(self, x1: float, y1: float, x2: float, y2: float) -> None:
        self.shapes.append(f'<line class="l" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>')


def picture(plan: Plan) -> str:
    """Give the SVG text.

    Args:
        plan: the plan to draw.
    """
    sheet = _Sheet()
    _title(sheet, plan)
    colours = _colours(plan)
    _legend(sheet, plan, colours)
    for fabric in plan.fabrics:
        if fabric.role == "compute":
            _fabric(sheet, fabric)
    for site, hall in sorted({(rack.site, rack.hall) for rack in plan.racks}):
        _hall(sheet, plan, site, hall, colours)
    height = sheet.y + _MARGIN
    body = "\n".join(sheet.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" width="{_WIDTH}" height="{height:g}" role="img" '
        f'aria-label="Plan of {escape(plan.factory)}"><style>{_STYLE}</style><rect class="b" width="100%" height="100%"/>\n{body}\n</svg>\n'
    )


def _title(sheet: _Sheet, plan: Plan) -> None:
    counted = [node for node in plan.nodes if not node.spare]
    gpus = sum(node.gpus for node in counted)
    load = sum(site.it_load for site in plan.power)
    sheet.y += 6
    sheet.text(_MARGIN, sheet.y, plan.factory, "h")
    words = (
        f"{len(counted):,} nodes and {len(plan.nodes) - len(counted):,} spares, {gpus:,} GPUs, {len(plan.racks):,} racks, "
        f"{load / 1000:,.1f} kW of IT load"
    )
    sheet.text(_WIDTH - _MARGIN, sheet.y, words, anchor="end")
    sheet.y += 22


def _colours(plan: Plan) -> dict[str, str]:
    pools = list(dict.fromkeys(node.pool for node in plan.nodes))
    return {pool: _POOL_COLOURS[index % len(_POOL_COLOURS)] for index, pool in enumerate(pools)}


def _legend(sheet: _Sheet, plan: Plan, colours: dict[str, str]) -> None:
    x = float(_MARGIN)
    for pool, colour in colours.items():
        nodes = [node for node in plan.nodes if node.pool == pool]
        spares = sum(node.spare for node in nodes)
        kept = f" and {spares:,} spares" if spares else ""
        words = f"{pool}: {len(nodes) - spares:,} x {nodes[0].system}{kept}, zone {nodes[0].zone}"
        if x + 22 + 6.4 * len(words) > _WIDTH - _MARGIN:
            x, sheet.y = float(_MARGIN), sheet.y + 18
        sheet.box(x, sheet.y - 9, 11, 11, fill=colour)
        sheet.text(x + 16, sheet.y, words)
        x += 40 + 6.4 * len(words)
    sheet.y += 26


def _fabric(sheet: _Sheet, fabric: FabricPlan) -> None:
    tiers = [[switch for switch in fabric.switches if switch.tier == tier] for tier in ("core", "spine", "leaf")]
    sheet.text(_MARGIN, sheet.y, fabric.name, "h")
    counts = ", ".join(f"{len(tier):,} {name}" for name, tier in zip(("core", "spine", "leaf"), tiers, strict=True) if tier)
    cables = f"{len(fabric.cables):,} cables, {fabric.kind}, {fabric.rails} rails at {fabric.link // 10**9} Gbps, {fabric.oversubscription}"
    sheet.text(_WIDTH - _MARGIN, sheet.y, f"{counts}; {cables}", "s", "end")
    sheet.y += 12
    places: dict[str, tuple[float, float]] = {}
    for tier in tiers:
        if tier:
            _tier(sheet, [switch.name for switch in tier], [_caption(switch.name, switch.rail) for switch in tier], places)
    drawn = {(a, b) for a, _, b, _ in fabric.cables if a in places and b in places}
    lines = _Sheet()
    for a, b in sorted(drawn):
        lines.line(places[a][0], places[a][1], places[b][0], places[b][1] + 16)
    faint = max(0.12, min(0.8, 64 / max(len(drawn), 1)))
    sheet.shapes[:0] = [f'<g opacity="{faint:.2f}">', *lines.shapes, "</g>"]
    sheet.y -= 16


def _caption(name: str, rail: int) -> str:
    number = name.rsplit("-", 1)[-1]
    return f"r{rail}.{number}" if rail >= 0 else number


def _tier(sheet: _Sheet, names: Sequence[str], captions: Sequence[str], places: dict[str, tuple[float, float]]) -> None:
    shown = list(zip(names, captions, strict=True))[:_MOST_SWITCHES]
    step = (_WIDTH - 2 * _MARGIN) / max(len(shown), 4)
    width = min(step - 6, 64)
    for index, (name, caption) in enumerate(shown):
        x = _MARGIN + step * (index + 0.5)
        places[name] = (x, sheet.y)
        sheet.box(x - width / 2, sheet.y, width, 16, "w", title=name)
        if width >= 6.2 * len(caption):
            sheet.text(x, sheet.y + 12, caption, "s", "middle")
    if len(names) > len(shown):
        sheet.text(_WIDTH - _MARGIN, sheet.y + 28, f"and {len(names) - len(shown):,} more", "s", "end")
        sheet.y += 10
    sheet.y += 56


def _hall(sheet: _Sheet, plan: Plan, site: str, hall: str, colours: dict[str, str]) -> None:
    racks = [rack for rack in plan.racks if (rack.site, rack.hall) == (site, hall)]
    pools = {node.name: node.pool for node in plan.nodes if node.hall == hall}
    sheet.y += 8
    sheet.text(_MARGIN, sheet.y, f"{site} / {hall}", "h")
    sheet.text(_WIDTH - _MARGIN, sheet.y, f"{len(racks):,} racks, {sum(rack.power for rack in racks) / 1000:,.1f} kW", "s", "end")
    sheet.y += 12
    for line in _lines(racks[:_MOST_RACKS]):
        for index, rack in enumerate(line):
            _rack(sheet, rack, _MARGIN + index * (_RACK_WIDTH + _RACK_GAP), pools, colours)
        sheet.y += _RACK_HEIGHT + 34
    if len(racks) > _MOST_RACKS:
        sheet.text(_MARGIN, sheet.y + 4, f"and {len(racks) - _MOST_RACKS:,} more racks", "s")
        sheet.y += 22


def _lines(racks: Sequence[Rack]) -> Iterable[Sequence[Rack]]:
    most = (_WIDTH - 2 * _MARGIN + _RACK_GAP) // (_RACK_WIDTH + _RACK_GAP)
    return [racks[start : start + most] for start in range(0, len(racks), most)]


def _rack(sheet: _Sheet, rack: Rack, x: float, pools: dict[str, str], colours: dict[str, str]) -> None:
    sheet.box(x, sheet.y, _RACK_WIDTH, _RACK_HEIGHT, "r", title=f"{rack.name}: {', '.join(rack.devices)}")
    step = (_RACK_HEIGHT - 4) / max(len(rack.devices), 4)
    for index, device in enumerate(rack.devices):
        y = sheet.y + _RACK_HEIGHT - 2 - step * (index + 1)
        pool = pools.get(device)
        if pool is None:
            sheet.box(x + 4, y, _RACK_WIDTH - 8, max(step - 1.5, 1), "w", title=device)
        else:
            sheet.box(x + 4, y, _RACK_WIDTH - 8, max(step - 1.5, 1), fill=colours[pool], title=device)
    sheet.text(x + _RACK_WIDTH / 2, sheet.y + _RACK_HEIGHT + 12, rack.name, "s", "middle")
    power = f"{rack.power / 1000:g} kW" if rack.power else rack.kind
    sheet.text(x + _RACK_WIDTH / 2, sheet.y + _RACK_HEIGHT + 24, power, "s", "middle")
