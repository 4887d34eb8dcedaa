"""Rights and webhooks of controllers beside those that their projects publish in the same version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster.embedded.queueing import queue_controller, set_queueing
from sovereign_ai.cluster.embedded.webhook_controllers import Judged, Permission
from sovereign_ai.cluster.embedded.workload_controllers import (
    WORKLOAD_CONTROLLERS,
    set_workload_controllers,
)
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.toolchain.install import find

pytestmark = pytest.mark.queues
ROLES = {
    "jobset": "config/components/rbac/role.yaml",
    "lws": "config/rbac/role.yaml",
    "trainer": "manifests/base/rbac/role.yaml",
    "kueue": "config/components/rbac/role.yaml",
}
WEBHOOKS = {
    "jobset": "config/components/webhook/manifests.yaml",
    "lws": "config/webhook/manifests.yaml",
    "trainer": "manifests/base/webhook/manifests.yaml",
    "kueue": "config/components/webhook/manifests.yaml",
}
Called = set[tuple[str, tuple[str, ...], tuple[str, ...]]]


def documents(module: str, file: str) -> list[Any]:
    return list(yaml.safe_load_all((find(module) / file).read_text()))


def published_rights(module: str) -> set[tuple[str, str, str]]:
    """Return group, resource and verb of each right of a published role."""
    rights = set()
    for role in documents(module, ROLES[module]):
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    rights |= {(group, resource, verb) for verb in rule["verbs"]}
    return rights


def own_rights(rights: Iterable[Permission]) -> set[tuple[str, str, str]]:
    own = set()
    for right in rights:
        for resource in right.resources.split():
            own |= {(right.group, resource, verb) for verb in right.verbs.split()}
    return own


def published_webhooks(module: str) -> Called:
    """Return path, resources and operations of each published webhook."""
    called: Called = set()
    for configuration in documents(module, WEBHOOKS[module]):
        for webhook in configuration["webhooks"]:
            (rule,) = webhook["rules"]
            path = webhook["clientConfig"]["service"]["path"]
            called.add((path, tuple(rule["resources"]), tuple(rule["operations"])))
    return called


def own_webhooks(judged: Iterable[Judged]) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    for each in judged:
        path = f"{each.group.replace('.', '-')}-{each.version}-{each.kind}"
        yield f"/validate-{path}", tuple(each.resources.split()), tuple(each.judged_at.split())
        if each.changed_at:
            yield f"/mutate-{path}", tuple(each.resources.split()[:1]), tuple(each.changed_at.split())


@pytest.mark.parametrize("name", list(WORKLOAD_CONTROLLERS))
def test_a_controller_has_no_right_that_its_project_does_not_publish_and_judges_what_is_published(
    name: str,
) -> None:
    process = WORKLOAD_CONTROLLERS[name].process
    assert own_rights(process.rights) <= published_rights(name)
    assert set(own_webhooks(process.judged)) == published_webhooks(name)


def test_kueue_has_no_right_and_no_webhook_that_is_not_published(tmp_path: Path) -> None:
    cluster_dir = ClusterDir("lab", tmp_path / "lab")
    cluster_dir.make()
    set_queueing(cluster_dir, tmp_path, multikueue=True)
    set_workload_controllers(cluster_dir, dict.fromkeys(WORKLOAD_CONTROLLERS, tmp_path))
    kueue = queue_controller(cluster_dir)
    # It writes its finalizer into flavors and topologies, and has no published right to patch these.
    more = own_rights(kueue.rights) - published_rights("kueue")
    assert more == {
        ("kueue.x-k8s.io", "resourceflavors", "patch"),
        ("kueue.x-k8s.io", "topologies", "patch"),
    }
    assert set(own_webhooks(kueue.judged)) <= published_webhooks("kueue")
