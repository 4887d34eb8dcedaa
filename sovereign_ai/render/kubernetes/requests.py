"""Priority levels of the API server, one for each tenant and one for the platform, and who is in each.

One tenant's flood fills that tenant's seats and queues, and is then refused with status 429. No level borrows
seats or lends them: what is lent comes back within ten seconds only, and a tenant would wait so long.
"""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.plan import (
    FLOW_PRECEDENCE,
    HAND_SIZE,
    QUEUE_LENGTH,
    QUEUES,
    ClusterPlan,
    request_levels,
)
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.spec import AIFactory

_API = "flowcontrol.apiserver.k8s.io/v1"
_EVERY_REQUEST = {
    "resourceRules": [
        {"apiGroups": ["*"], "clusterScope": True, "namespaces": ["*"], "resources": ["*"], "verbs": ["*"]}
    ],
    "nonResourceRules": [{"nonResourceURLs": ["*"], "verbs": ["*"]}],
}


def objects(factory: AIFactory, cluster: ClusterPlan) -> Iterator[Object]:
    """Yield each priority level with the FlowSchema that leads to it."""
    maker = Maker(factory.name)
    for level in request_levels(cluster):
        component = f"tenant.{level.tenant}" if level.tenant else f"factory.{factory.name}"
        limited = {
            "nominalConcurrencyShares": level.shares,
            "lendablePercent": 0,
            "borrowingLimitPercent": 0,
            "limitResponse": {
                "type": "Queue",
                "queuing": {"queues": QUEUES, "handSize": HAND_SIZE, "queueLengthLimit": QUEUE_LENGTH},
            },
        }
        spec: Object = {"type": "Limited", "limited": limited}
        yield maker.make(_API, "PriorityLevelConfiguration", level.name, component, spec=spec)
        rule = {"subjects": [_subject(text) for text in level.subjects], **_EVERY_REQUEST}
        spec = {
            "matchingPrecedence": FLOW_PRECEDENCE,
            "priorityLevelConfiguration": {"name": level.name},
            # Within a tenant, one user's flood is no other's.
            "distinguisherMethod": {"type": "ByUser"},
            "rules": [rule],
        }
        yield maker.make(_API, "FlowSchema", level.name, component, spec=spec)


def _subject(text: str) -> Object:
    """Return a subject as a FlowSchema states it."""
    kind, _, name = text.partition(" ")
    return {"kind": kind, kind.lower(): {"name": name}}
