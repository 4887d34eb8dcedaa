"""How a cluster's API server shares its work among tenants: API priority and fairness.

Each tenant has a priority level of its own, that is, a number of requests that the API server works on at the
same time, and queues for those that wait. One level for all tenants would not do: within a level requests are
kept apart by user or by namespace, and a tenant chooses both. It has as many people as it likes, and may ask
about any namespace, since requests are queued before they are authorised.

A level's part of the API server is its number of shares by the sum of all (`nominalConcurrencyShares`,
kubernetes.io/docs/concepts/cluster-administration/flow-control, Kubernetes 1.37). The API server's own levels
have 245 together.

    >>> tenant_shares(2), tenant_shares(50)
    (20, 2)
"""

from __future__ import annotations

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import ADMIN_GROUP, NODE_WRITER, OPERATOR_USER, SYSTEM_NAMESPACE, tenant_groups
from sovereign_ai.plan.clusters import ClusterPlan

TENANT_SHARES = 100
"""Shares of all tenants together at the most, as many as Kubernetes' own `workload-low`, which they no longer
use."""
MOST_SHARES = 20
"""Shares of one tenant at the most, as many as the platform has."""
PLATFORM_SHARES = 20
"""Shares of the platform, as many as Kubernetes' own `global-default`, which it no longer uses."""
FLOW_PRECEDENCE = 1_000
"""`matchingPrecedence` of our FlowSchemas.

After those of the control plane's components (at most 900), before those for all service accounts (9,000) and
for everybody (9,900). Source: pkg/apis/flowcontrol/bootstrap/default.go of Kubernetes 1.37.
"""
QUEUES, HAND_SIZE, QUEUE_LENGTH = 16, 4, 25
"""A level's queues, those that one user's requests are spread over, and the length of each.

So one user of a tenant has at most 100 requests waiting, and all of them 400, each of which costs memory.
Another user's queues are all among the first one's four with a probability of 1 in 1,820, the number of ways
to choose 4 of 16.
"""
_ACCOUNTS = "system:serviceaccounts:"
"""Before a namespace, the group of its service accounts."""


@frozen_dataclass
class RequestLevel:
    """A priority level of the API server, and whose requests it is for.

    Attributes:
        name: the name of the PriorityLevelConfiguration and of its FlowSchema.
        tenant: the tenant's name; empty for the platform.
        shares: its part of the API server's concurrency.
        subjects: kind and name of those whose requests it is for, such as `Group tenant:research`.
    """

    name: str
    tenant: str
    shares: int
    subjects: tuple[str, ...]


def request_levels(cluster: ClusterPlan) -> tuple[RequestLevel, ...]:
    """Return the priority level of the platform, and that of each tenant of a cluster, sorted by tenant."""
    accounts: dict[str, list[str]] = {}
    for namespace in cluster.namespaces:
        accounts.setdefault(namespace.tenant, []).append(f"Group {_ACCOUNTS}{namespace.name}")
    platform = (
        f"Group {ADMIN_GROUP}",
        f"Group {_ACCOUNTS}{SYSTEM_NAMESPACE}",
        f"User {NODE_WRITER}",
        f"User {OPERATOR_USER}",
    )
    levels = [RequestLevel("sovereign-platform", "", PLATFORM_SHARES, platform)]
    shares = tenant_shares(len(accounts))
    for tenant in sorted(accounts):
        people = tuple(f"Group {group}" for group in tenant_groups(tenant))
        subjects = (*people, *sorted(accounts[tenant]))
        levels.append(RequestLevel(f"sovereign-tenant-{tenant}", tenant, shares, subjects))
    return tuple(levels)


def tenant_shares(tenants: int) -> int:
    """Return the shares of each of some tenants: equal ones, and the same for up to five.

    They follow neither from GPUs nor from quotas, so that a change of one tenant changes no other tenant's
    level, nor the admission policies that hold them to the description. Beyond five tenants they share what
    five have; of more than a hundred each has one share, and all together more than a hundred.

    Args:
        tenants: how many there are.
    """
    if not tenants:
        return 0
    return max(1, min(MOST_SHARES, TENANT_SHARES // tenants))
