"""The metadata of live objects by their names."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.deploy.live_objects import ObjectKey, key_of, list_inside, read_live
from tests.support.memory_cluster import MemoryCluster, obj, refusal


def test_a_key_is_the_same_whatever_version_an_object_is_read_by() -> None:
    old = key_of(obj("ClusterQueue", "train", version="kueue.x-k8s.io/v1beta1"))
    new = key_of(obj("ClusterQueue", "train", version="kueue.x-k8s.io/v1beta2"))
    assert old == new
    assert (old.api_version, new.api_version) == ("kueue.x-k8s.io/v1beta1", "kueue.x-k8s.io/v1beta2")
    assert str(key_of(obj("Role", "admin", "research"))) == "Role/research/admin"


def test_what_exists_is_read_by_one_list_a_kind_and_namespace_and_the_rest_has_no_entry() -> None:
    api = MemoryCluster(obj("ConfigMap", "facts", "a"), obj("ConfigMap", "other", "a"), obj("Namespace", "a"))
    keys = [key_of(obj("ConfigMap", name, space)) for name in ("facts", "more") for space in ("a", "b")]
    live = read_live(api, [*keys, ObjectKey("", "Namespace", "", "a")])
    assert sorted(map(str, live)) == ["ConfigMap/a/facts", "Namespace/a"]
    assert sorted(api.asked) == ["LIST ConfigMap a", "LIST ConfigMap b", "LIST Namespace"]


def test_many_namespaces_cost_one_list_a_kind() -> None:
    spaces = [f"n{number}" for number in range(30)]
    api = MemoryCluster(*(obj("ConfigMap", "facts", space) for space in spaces))
    live = read_live(api, [key_of(obj("ConfigMap", "facts", space)) for space in spaces])
    assert len(live) == 30
    assert api.asked == ["LIST ConfigMap"]


def test_a_kind_that_is_not_served_has_no_objects_and_a_refusal_is_not_absence() -> None:
    api = MemoryCluster(obj("ConfigMap", "facts", "a"))
    api.unserved = {"ConfigMap"}
    assert read_live(api, [key_of(obj("ConfigMap", "facts", "a"))]) == {}
    for status in (401, 403, 500, 503):
        api.failure = refusal(status)
        with pytest.raises(ApiError):
            read_live(api, [key_of(obj("ConfigMap", "facts", "a"))])


class Restricted(MemoryCluster):
    """Lets nobody list a kind in all namespaces at once."""

    def list(self, api_version: str, kind: str, namespace: str | None = None, *more: Any, **how: Any) -> Any:
        found = super().list(api_version, kind, namespace, *more, **how)
        if namespace is None:
            raise refusal(403)
        return found


@pytest.mark.parametrize("number", [3, 30])
@pytest.mark.parametrize("made", [MemoryCluster, Restricted])
def test_what_is_in_namespaces_is_listed_whoever_may_list_it_where(
    made: type[MemoryCluster], number: int
) -> None:
    spaces = [f"n{index}" for index in range(number)]
    inside = [obj(kind, "a", space) for kind in ("ConfigMap", "Secret") for space in (*spaces, "others")]
    api = made(*inside, obj("Namespace", "n1"))
    kinds = [kind for kind in api.kinds() if kind.namespaced]
    found = list_inside(api, kinds, spaces)
    assert sorted((item["kind"], item["metadata"]["namespace"]) for item in found) == sorted(
        (kind, space) for kind in ("ConfigMap", "Secret") for space in spaces
    )
    many = number > 20
    assert api.asked.count("LIST ConfigMap") == many
    assert len(api.asked) == (2 * many if made is MemoryCluster and many else 2 * number + 2 * many)


def test_a_refusal_other_than_a_lacking_permission_is_no_reason_to_ask_namespace_by_namespace() -> None:
    api = MemoryCluster(*(obj("ConfigMap", "a", f"n{index}") for index in range(30)))
    kinds = [kind for kind in api.kinds() if kind.namespaced]
    api.failure = refusal(503)
    with pytest.raises(ApiError):
        list_inside(api, kinds, [f"n{index}" for index in range(30)])
    assert len(api.asked) == 1
