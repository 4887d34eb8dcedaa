"""Where the pods of a gang lie, judged by nothing but the labels of the nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sovereign_ai.names import KEYS

HALL, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
Labels = Mapping[str, str]


def domains(placed: Iterable[Labels], key: str) -> Counter[str]:
    """Return the domains in which pods lie, each with its number of pods.

    Args:
        placed: the labels of each pod's node.
        key: the label of the domain.
    """
    return Counter(labels[key] for labels in placed)


def fewest_domains(free: Iterable[Labels], pods: int, key: str) -> int:
    """Return the fewest domains that hold a number of pods, one a node.

    The largest domains first are always a best choice: exchanged for a smaller one, none gets better.

    Args:
        free: the labels of each node that takes a pod.
        pods: the pods.
        key: the label of the domain.
    """
    count = 0
    for size in sorted(domains(free, key).values(), reverse=True):
        if pods <= 0:
            break
        pods -= size
        count += 1
    return count


def gang_problems(placed: Sequence[Labels], free: Sequence[Labels] | None, pods: int) -> list[str]:
    """Return what is wrong with the place of a gang that prefers one scalable unit; empty for nothing.

    Kueue goes up the levels until one domain holds all: those are the hall here, and in it as few scalable
    units as there can be.

    Args:
        placed: the labels of each pod's node.
        free: the labels of each node that could have had a pod; None where that is not known.
        pods: the pods of the gang.
    """
    problems = []
    hosts = domains(placed, HOST)
    if len(placed) != pods:
        problems.append(f"{len(placed)} of {pods} pods run")
    if hosts and max(hosts.values()) > 1:
        problems.append("two pods with all GPUs of a machine are on one machine")
    if len(domains(placed, HALL)) > 1:
        problems.append("it lies in several halls")
    if free is None:
        return problems
    units, fewest = len(domains(placed, KEYS.scalable_unit)), fewest_domains(free, pods, KEYS.scalable_unit)
    if units != fewest:
        problems.append(f"it lies in {units} scalable units, and {fewest} hold it")
    return problems
