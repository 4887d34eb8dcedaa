"""A kind that a server does not have is an empty list; every other refusal is an error."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sovereign_ai.cluster.api.errors import ApiError
from sovereign_ai.cluster.api.optional_kinds import list_if_served, list_newest
from sovereign_ai.errors import Problem

ROOT = Path(__file__).resolve().parents[3] / "sovereign_ai"


class Server:
    """A server that refuses to list, or has one object."""

    def __init__(self, status: int = 0, reason: str = "", serves: str = "resource.k8s.io/v1") -> None:
        self.status, self.reason = status, reason
        self.serves = serves
        self.asked: list[tuple[Any, ...]] = []

    def kinds(self) -> list[Any]:
        return [SimpleNamespace(api_version=self.serves, kind="ResourceSlice")]

    def list(
        self, *kind: str, label_selector: str | None = None, metadata_only: bool = False
    ) -> list[dict[str, Any]]:
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
    with pytest.raises(ApiError):
        list_newest(server, ("resource.k8s.io/v1",), "ResourceSlice")


def test_a_kind_whose_definition_went_meanwhile_has_no_objects() -> None:
    """What the server had is remembered, so that its 404 comes from the path and not from the list."""
    server: Any = Server(404, "NotFound", serves="resource.k8s.io/v1beta1")
    assert list_if_served(server, "resource.k8s.io/v1", "ResourceSlice") == []
    assert list_newest(server, ("resource.k8s.io/v1",), "ResourceSlice") == []


def test_the_first_version_that_is_served_counts() -> None:
    class Older(Server):
        def list(self, *kind: str, **how: Any) -> list[dict[str, Any]]:
            self.status, self.reason = (404, "KindUnknown") if kind[0] == "a.io/v2" else (0, "")
            return super().list(*kind, **how)

    server: Any = Older()
    assert list_newest(server, ("a.io/v2", "a.io/v1", "a.io/v0"), "Thing") == [{"kind": "Thing"}]
    assert [kind[0] for kind in server.asked] == ["a.io/v2", "a.io/v1"]


def test_nobody_takes_any_404_for_a_kind_that_is_not_served() -> None:
    """Where a list meets a 404, what it means is asked in one place."""
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Try) or path.name == "optional_kinds.py":
                continue
            calls = [each for body in node.body for each in ast.walk(body) if isinstance(each, ast.Call)]
            lists = [each for each in calls if ast.unparse(each.func).endswith("api.list")]
            handled = " ".join(map(ast.unparse, node.handlers))
            assert not lists or not re.search(r"404|NOT_FOUND", handled), f"{path}:{node.lineno}"


def test_what_is_asked_for_reaches_the_server() -> None:
    server: Any = Server()
    assert list_if_served(server, "v1", "Node", "a=b", metadata_only=True) == [{"kind": "Node"}]
    assert server.asked == [("v1", "Node", "a=b", True)]
