"""Which controllers a deployment leaves out on an embedded control plane.

Its machines are simulated, so that no pod there answers anybody. Some controllers run as processes of the
control plane, and bring their own objects along. Webhooks of any other controller would never answer, and the
API server would refuse everything that they judge. Such controllers are left out as a whole.
"""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.cluster import PLANE_PROCESSES
from sovereign_ai.cluster.control_plane import local_control_planes
from sovereign_ai.render.kubernetes import AWAITED, WEBHOOKS, Bundle, is_of_platform


def on_cluster(bundle: Bundle, kubeconfig: Path) -> Bundle:
    """Return a bundle without the controllers that are left out on its cluster; the digest is the same.

    Args:
        bundle: the rendered objects.
        kubeconfig: the file of the cluster that they are for.
    """
    if not any(map(is_of_platform, bundle.objects)) or not _has_no_kubelets(bundle.cluster, kubeconfig):
        return bundle
    left_out: set[str] = set()
    for component, objects in bundle.by_component().items():
        controller = component.partition(".")[2]
        if not is_of_platform(objects[0]):
            continue
        asks = any(
            obj["kind"] in WEBHOOKS or AWAITED in obj["metadata"].get("annotations", {}) for obj in objects
        )
        if asks or controller in PLANE_PROCESSES:
            left_out.add(component)
    return bundle.without(frozenset(left_out))


def left_out_lines(bundle: Bundle) -> list[str]:
    """Return a line for each controller that was left out, for a person."""
    lines: list[str] = []
    for component in sorted(bundle.left_out):
        controller = component.partition(".")[2]
        reason = "nothing answers its webhooks on simulated machines"
        if controller in PLANE_PROCESSES:
            reason = "the control plane runs it as a process where 'platform' names it"
        lines.append(f"left out the manifests of {controller}: {reason}")
    return lines


def _has_no_kubelets(cluster: str, kubeconfig: Path) -> bool:
    """Return whether a kubeconfig is that of a local control plane of a cluster on which no pod runs."""
    for plane in local_control_planes(cluster):
        if not plane.has_real_nodes and kubeconfig.resolve() == plane.kubeconfig.resolve():
            return True
    return False
