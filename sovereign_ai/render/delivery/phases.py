"""The phases in which a delivering program applies the objects: each waits for the one before.

As in a deployment by Pulumi, nobody gets rights in a namespace before its quotas and network policies exist:
so roles are bound after the limits. Objects of Kueue come last: where its definitions are missing, no limit
and no admission policy waits for them.

    >>> phase_of("Namespace"), phase_of("RoleBinding") > phase_of("NetworkPolicy")
    (0, True)
"""

from __future__ import annotations

PHASES: tuple[tuple[str, frozenset[str]], ...] = (
    ("namespaces", frozenset({"Namespace"})),
    ("policies", frozenset({"ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"})),
    ("enforcement", frozenset({"ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding"})),
    (
        "classes",
        frozenset(
            {
                "DeviceClass",
                "PriorityClass",
                "PriorityLevelConfiguration",
                "RuntimeClass",
                "StorageClass",
            }
        ),
    ),
    (
        "limits",
        frozenset(
            {
                "ConfigMap",
                "FlowSchema",
                "LimitRange",
                "NetworkPolicy",
                "ResourceQuota",
                "Role",
                "ServiceAccount",
            }
        ),
    ),
    ("access", frozenset({"RoleBinding"})),
    # Kueue accepts a flavor before its topology exists, and admits no workload to it until then.
    ("flavors", frozenset({"Topology", "ResourceFlavor"})),
    ("cluster-queues", frozenset({"ClusterQueue"})),
    ("local-queues", frozenset({"LocalQueue"})),
)
"""Name and kinds of each phase, in the order of application."""


def phase_of(kind: str) -> int:
    """Return the index of the phase in which objects of a kind are applied.

    Raises:
        ValueError: no object of the kind is ever rendered.
    """
    for index, (_, kinds) in enumerate(PHASES):
        if kind in kinds:
            return index
    raise ValueError(f"no phase has the kind {kind}")
