from __future__ import annotations

from typing import Any, cast

import pytest

from sovereign_ai.cluster.api.discovery import Discovery, Resource
from sovereign_ai.cluster.api.errors import ApiError, UnreachableError
from sovereign_ai.cluster.api.transport import Transport
from sovereign_ai.errors import UsageError

POD = Resource("v1", "Pod", "pods", namespaced=True, verbs=("get",), subresources=("status",))


class Served:
    """A transport whose server serves pods, and lists a group whose own server does not answer."""

    server = "https://memory.invalid"

    def __init__(self) -> None:
        self.requests: list[str] = []

    def send(self, _method: str, path: str, **_more: Any) -> dict[str, Any]:
        self.requests.append(path)
        pods = {
            "resource": "pods",
            "responseKind": {"kind": "Pod"},
            "scope": "Namespaced",
            "verbs": ["get"],
            "subresources": [{"subresource": "status"}],
        }
        core = {"metadata": {}, "versions": [{"version": "v1", "resources": [pods]}]}
        stale = {"metadata": {"name": "stale.example"}, "versions": [{"version": "v1", "freshness": "Stale"}]}
        items = [core] if path == "/api" else [stale]
        return {"kind": "APIGroupDiscoveryList", "items": items}


def discovery() -> tuple[Served, Discovery]:
    served = Served()
    return served, Discovery(cast("Transport", served))


def test_a_known_kind_is_found_without_another_reading() -> None:
    served, kinds = discovery()
    assert [kinds.find("v1", "Pod"), kinds.find("v1", "Pod")] == [POD, POD]
    assert served.requests == ["/api", "/apis"]


def test_an_unknown_kind_is_looked_for_once_more_and_then_refused() -> None:
    served, kinds = discovery()
    kinds.kinds()
    with pytest.raises(ApiError, match=r"serves no v1 Pot") as caught:
        kinds.find("v1", "Pot")
    assert caught.value.reason == "KindUnknown"
    assert len(served.requests) == 4


def test_a_kind_of_a_group_whose_server_is_silent_is_unknown_and_not_absent() -> None:
    _, kinds = discovery()
    with pytest.raises(UnreachableError, match="its own server does not answer"):
        kinds.find("stale.example/v1", "Thing")


def test_a_path_needs_a_namespace_exactly_where_the_kind_has_one() -> None:
    assert POD.path("web", "lab", "status") == "/api/v1/namespaces/lab/pods/web/status"
    with pytest.raises(UsageError, match="needs a namespace"):
        POD.path("web")
    with pytest.raises(UsageError, match="has no namespace"):
        Resource("v1", "Node", "nodes", namespaced=False, verbs=(), subresources=()).path("n1", "lab")


@pytest.mark.parametrize(
    "groups",
    [
        "text",
        5,
        [5, None],
        [{"metadata": []}],
        [{"metadata": {"name": "x"}, "versions": "text"}],
        [{"metadata": {"name": "x"}, "versions": [{}]}],
        [{"metadata": {"name": "x"}, "versions": [{"version": "v1", "resources": [{"responseKind": 5}]}]}],
        [{"metadata": {}, "versions": [{"version": "v1", "resources": [{"responseKind": {"kind": "A"}}]}]}],
    ],
)
def test_a_list_of_kinds_whose_fields_have_other_types_is_no_api_server_s(groups: object) -> None:
    class Garbled(Served):
        def send(self, _method: str, _path: str, **_more: Any) -> dict[str, Any]:
            return {"kind": "APIGroupDiscoveryList", "items": groups}

    with pytest.raises(UnreachableError, match="as no API server does"):
        Discovery(cast("Transport", Garbled())).kinds()
