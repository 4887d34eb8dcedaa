"""Which controllers a deployment leaves out on an embedded control plane.

Its machines are simulated, so that no pod there answers anybody. Some controllers run as processes of the
control plane, and bring their own objects along. Webhooks of any other controller would never answer, and the
API server would refuse everything that they judge. Such controllers are left out as a whole, and with them
those that have objects of kinds which they define: nothing would serve these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sovereign_ai.cluster import PLANE_PROCESSES
from sovereign_ai.cluster.backends import local_control_planes
from sovereign_ai.render.kubernetes import AWAITED, WEBHOOKS, Bundle, is_of_platform
from sovereign_ai.spec import api_group, defined_kind

Object = Mapping[str, Any]


def on_cluster(bundle: Bundle, kubeconfig: Path) -> Bundle:
    """Return a bundle without the controllers that are left out on its cluster; the digest is the same.

    Args:
        bundle: the rendered objects.
        kubeconfig: the file of the cluster that they are for.
    """
    if not any(map(is_of_platform, bundle.objects)) or not _has_no_kubelets(bundle.cluster, kubeconfig):
        return bundle
    return bundle.without(frozenset(_reasons(bundle.by_component())))


def left_out_lines(bundle: Bundle) -> list[str]:
    """Return a line for each controller that was left out, for a person."""
    if not bundle.left_out:
        return []
    reasons = _reasons(Bundle(bundle.cluster, bundle.rendered).by_component())
    lines: list[str] = []
    for component in sorted(bundle.left_out):
        lines.append(f"left out the manifests of {_controller(component)}: {reasons[component]}")
    return lines


def _reasons(components: Mapping[str, Sequence[Object]]) -> dict[str, str]:
    """Return the components that are left out on simulated machines, each with the reason.

    Args:
        components: component to its objects.
    """
    reasons: dict[str, str] = {}
    for component, objects in components.items():
        if not is_of_platform(objects[0]):
            continue
        if _controller(component) in PLANE_PROCESSES:
            reasons[component] = "the control plane runs it as a process where 'platform' names it"
        elif any(map(_calls_server, objects)):
            reasons[component] = "nothing answers its webhooks on simulated machines"
    # Whoever has objects of a kind may define others, of which yet others have objects.
    waiting = [component for component in reasons if _controller(component) not in PLANE_PROCESSES]
    while waiting:
        definer = waiting.pop()
        kinds = {defined[:2] for obj in components[definer] if (defined := defined_kind(obj))}
        for component, objects in components.items():
            is_kept = component not in reasons and is_of_platform(objects[0])
            if is_kept and any((api_group(obj), obj["kind"]) in kinds for obj in objects):
                reasons[component] = f"it has objects of kinds of {_controller(definer)}, which is left out"
                waiting.append(component)
    return reasons


def _calls_server(obj: Object) -> bool:
    """Return whether an object has the API server ask a server, or is that server."""
    return obj["kind"] in WEBHOOKS or AWAITED in obj["metadata"].get("annotations", {})


def _controller(component: str) -> str:
    """Return the controller of a component."""
    return component.partition(".")[2]


def _has_no_kubelets(cluster: str, kubeconfig: Path) -> bool:
    """Return whether a kubeconfig is that of a local control plane of a cluster on which no pod runs."""
    for plane in local_control_planes(cluster):
        if not plane.has_real_nodes and kubeconfig.resolve() == plane.kubeconfig.resolve():
            return True
    return False
