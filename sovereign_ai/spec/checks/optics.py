"""Optics that a description names, of links between buildings and of links to the outside."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.errors import Problem, Where, nearest


def check_optic(optic: str | None, field: str) -> Iterator[Problem]:
    """Refuse an optic that the catalogue does not have, or that carries no light over fibres."""
    if optic is None:
        return
    from sovereign_ai.catalog.parts import parts  # noqa: PLC0415 - only where an optic is named

    optics = {part.name: part for part in parts() if part.kind == "optic"}
    if optic not in optics:
        message = f"the catalogue has no optic called {optic!r}"
        yield Problem("unknown-name", message, Where(field=field), nearest(optic, optics))
        return
    missing: list[str] = []
    for name in ("rate", "reach", "fibres", "power"):
        if getattr(optics[optic], name) is None:
            missing.append(name)
    if missing:
        message = f"{optic} has no {', '.join(missing)}"
        hint = "choose an optic for fibre with all of them, or bring a row of your own under `catalog`"
        yield Problem("contradiction", message, Where(field=field), hint)
