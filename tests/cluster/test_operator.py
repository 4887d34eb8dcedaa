"""How the API server asks the operator, and what it and break-glass access may do."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import cel
import orjson
import pytest

from sovereign_ai.cluster.identities import make_identities
from sovereign_ai.cluster.operator import ACCESS_ROLES, access_role, make_operator, operator_roles
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.rules.waiver_review import GROUP


@pytest.fixture
def where(tmp_path: Path) -> ClusterDir:
    place = ClusterDir("lab", tmp_path / "lab")
    place.make()
    make_identities(place, 20001)
    make_operator(place, 20002)
    return place


def webhook(where: ClusterDir) -> dict[str, Any]:
    first = orjson.loads((where.config / "authorization.json").read_bytes())["authorizers"][0]
    assert first["type"] == "Webhook"
    found: dict[str, Any] = first["webhook"]
    return found


def test_the_operator_stands_first_and_its_silence_is_a_no_that_nobody_overrules(where: ClusterDir) -> None:
    authorizers = orjson.loads((where.config / "authorization.json").read_bytes())["authorizers"]
    assert [one["type"] for one in authorizers] == ["Webhook", "Node", "RBAC"]
    assert webhook(where)["failurePolicy"] == "Deny"


def test_no_answer_is_remembered(where: ClusterDir) -> None:
    assert webhook(where)["cacheAuthorizedRequests"] is False
    assert webhook(where)["cacheUnauthorizedRequests"] is False


@pytest.mark.parametrize(
    ("request_", "asked"),
    [
        ({"resourceAttributes": {"group": GROUP, "resource": "waivers"}}, True),
        ({"resourceAttributes": {"group": "", "resource": "secrets"}}, False),
        ({"resourceAttributes": {"group": f"x.{GROUP}", "resource": "waivers"}}, False),
        ({"nonResourceAttributes": {"path": "/healthz"}}, False),
    ],
    ids=["an exception", "a secret", "another group", "a path"],
)
def test_it_is_asked_about_exceptions_and_nothing_else(
    where: ClusterDir, request_: dict[str, Any], asked: bool
) -> None:
    [condition] = webhook(where)["matchConditions"]
    assert cel.compile(condition["expression"]).execute(cel.Context({"request": request_})) is asked


def test_it_is_reached_on_loopback_by_verified_tls_with_a_certificate(where: ClusterDir) -> None:
    path = Path(webhook(where)["connectionInfo"]["kubeConfigFile"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    config = orjson.loads(path.read_bytes())
    cluster = config["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:20002/answer"
    assert cluster["certificate-authority-data"]
    assert set(config["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}


def test_the_operator_binds_break_glass_roles_alone_and_reads_nothing_else() -> None:
    own = operator_roles()[0]
    assert {resource for rule in own["rules"] for resource in rule["resources"]} == {
        "rolebindings",
        "events",
        "clusterroles",
    }
    [bind] = [rule for rule in own["rules"] if "clusterroles" in rule["resources"]]
    assert bind["verbs"] == ["bind"]
    assert bind["resourceNames"] == [access_role(kind) for kind in ACCESS_ROLES]
    assert {rule["verbs"][0] for rule in own["rules"] if "events" in rule["resources"]} == {"create"}


def test_every_kind_of_access_has_its_role() -> None:
    names = {one["metadata"]["name"] for one in operator_roles()}
    assert {access_role(kind) for kind in ("look", "shell", "repair")} <= names
