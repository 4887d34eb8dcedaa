"""A kind that a server does not have is an empty list; every other refusal is an error."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.cluster.api.errors import ApiError
from sovereign_ai.cluster.api.optional_kinds import list_if_served
from sovereign_ai.errors import Problem


class Server:
    """A server that refuses to list, or has one object."""

    def __init__(self, status: int = 0, reason: str = "") -> None:
        self.status, self.reason = status, reason
        self.asked: list[tuple[Any, ...]] = []

    def list(self, *kind: str, label_selector: str | None, metadata_only: bool) -> list[dict[str, Any]]:
        self.asked.append((*kind, label_selector, metadata_only))
        if self.status:
            raise ApiError(Problem("api-refuses", "no"), status=self.status, reason=self.reason)
        return [{"kind": kind[1]}]


def test_a_kind_that_the_server_does_not_have_has_no_objects() -> None:
    server: Any = Server(404, "KindUnknown")
    assert list_if_served(server, "resource.k8s.io/v1", "ResourceSlice") == []


@pytest.mark.parametrize(("status", "reason"), [(404, "NotFound"), (404, ""), (403, "Forbidden"), (500, "")])
def test_any_other_refusal_is_no_empty_list(status: int, reason: str) -> None:
    server: Any = Server(status, reason)
    with pytest.raises(ApiError):
        list_if_served(server, "resource.k8s.io/v1", "ResourceSlice")


def test_what_is_asked_for_reaches_the_server() -> None:
    server: Any = Server()
    assert list_if_served(server, "v1", "Node", "a=b", metadata_only=True) == [{"kind": "Node"}]
    assert server.asked == [("v1", "Node", "a=b", True)]
