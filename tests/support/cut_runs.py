"""What is on a cluster at each moment at which a deployment may be cut short, without a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.deploy.withdrawal import _ORDER
from sovereign_ai.render.kubernetes.bundle import Bundle

Object = dict[str, Any]


def moments(old: Bundle, new: Bundle) -> Iterator[tuple[str, list[Object]]]:
    """Yield the objects of a cluster after each step from one bundle to another, with the step.

    First what leaves and policies judge is withdrawn, namespaces with all that is in them. Then objects are
    written, kind by kind, the record of the description among them. What else leaves is deleted at the end.
    """
    wanted = {resource_name(obj): obj for obj in new.objects}
    live: dict[str, Object] = {resource_name(obj): obj for obj in old.objects}
    leaving = {name: obj for name, obj in live.items() if name not in wanted}
    for kind in _ORDER:
        for name in [name for name, obj in leaving.items() if obj["kind"] == kind]:
            _delete(live, name)
            yield f"{name} is withdrawn", list(live.values())
    for kind, of_kind in groupby(wanted.items(), key=lambda item: item[1]["kind"]):
        live.update(of_kind)
        yield f"{kind} is written", list(live.values())
    for name in reversed(leaving):
        if name in live:
            _delete(live, name)
            yield f"{name} is deleted", list(live.values())


def _delete(live: dict[str, Object], name: str) -> None:
    """Delete an object, and with a namespace all that is in it."""
    obj = live.pop(name, None)
    if obj is not None and obj["kind"] == "Namespace":
        inside = [other for other in live if _namespace(live[other]) == obj["metadata"]["name"]]
        for other in inside:
            del live[other]


def _namespace(obj: Mapping[str, Any]) -> str:
    return str(obj["metadata"].get("namespace", ""))
