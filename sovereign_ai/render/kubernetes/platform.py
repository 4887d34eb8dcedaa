"""The objects of the platform's controllers, as their publishers write them, with the labels of their owner.

Deployments go on only when a workload is ready that answers the API server, since objects that it judges or
converts are refused until then. An annotation names these workloads; nothing waits for the others.
"""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.names import KEYS
from sovereign_ai.plan import plan_manifests
from sovereign_ai.render.kubernetes.object_order import awaited
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.spec import AIFactory

AWAITED = f"{KEYS.domain}/awaited"
"""The annotation of a workload that a deployment waits for."""


def objects(factory: AIFactory) -> Iterator[Object]:
    """Yield the objects of every controller, for any cluster of the factory."""
    planned = plan_manifests(factory)
    waited_for = awaited(manifest.obj for manifest in planned)
    maker = Maker(factory.name)
    for manifest in planned:
        metadata = dict(manifest.obj["metadata"])
        labels = {**(metadata.get("labels") or {}), **maker.labels(manifest.component)}
        metadata["labels"] = dict(sorted(labels.items()))
        annotations = dict(metadata.pop("annotations", None) or {})
        if manifest.title in waited_for:
            annotations[AWAITED] = "true"
        if annotations:
            metadata["annotations"] = dict(sorted(annotations.items()))
        yield {**manifest.obj, "metadata": metadata}
