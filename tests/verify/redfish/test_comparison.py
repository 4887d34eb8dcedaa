from __future__ import annotations

from collections import Counter

from sovereign_ai.verify.redfish import comparison as room
from sovereign_ai.verify.redfish.comparison import compare
from sovereign_ai.verify.redfish.endpoints import Endpoints
from sovereign_ai.verify.redfish.reported_server import NicPort, ReportedServer, Unreachable
from tests.render.lab import stack

PLAN = stack("lab")[1]
GIVEN = Endpoints(username="a", password_file="p", endpoints="plan")  # noqa: S106 - a file's name
NAMES = [node.name for node in PLAN.nodes]


def racked(name: str, **more: object) -> ReportedServer:
    return ReportedServer(name, f"https://{name}", "DGXH100", power="On", **more)  # type: ignore[arg-type]


def missing(*unreachable: Unreachable) -> set[str]:
    return {one.resource for one in compare(PLAN, [], unreachable, GIVEN).findings if one.kind == "missing"}


def test_a_server_behind_a_silent_controller_is_not_missing() -> None:
    assert missing() == {f"Machine/{name}" for name in NAMES}
    silent = Unreachable("https://a", NAMES[0], "closed")
    assert missing(silent) == {f"Machine/{name}" for name in NAMES[1:]}
    assert missing(Unreachable("https://aggregator", "", "closed")) == set(), "it may speak for any of them"


def test_two_servers_of_one_name_and_one_in_no_plan_are_foreign() -> None:
    found = compare(PLAN, [racked(NAMES[0]), racked(NAMES[0]), racked("visitor")], [], GIVEN).findings
    messages = [one.message for one in found if one.kind == "foreign"]
    assert messages[0].endswith("and so does another controller")
    assert messages[1].endswith("is in no plan")


def test_the_firmware_of_most_of_enough_servers_is_the_baseline() -> None:
    nodes = {node.name: node for node in PLAN.nodes}
    kind = nodes[NAMES[0]].system
    same = [name for name in NAMES if nodes[name].system == kind][:3]
    servers = [racked(name, firmware={"BMC": version}) for name, version in zip(same, "112", strict=True)]
    assert room._firmware_baseline(nodes, servers, GIVEN)[kind] == {"BMC": "1"}
    assert room._firmware_baseline(nodes, servers[:2], GIVEN)[kind] == {}, "two are too few"
    given = GIVEN.model_copy(update={"firmware": {kind: {"BMC": "9"}}})
    assert room._firmware_baseline(nodes, servers, given)[kind] == {"BMC": "9"}


def test_a_port_without_a_reported_rate_may_be_of_any() -> None:
    planned = Counter({400 * 10**9: 2})
    enough = racked("a", ports=(NicPort("p", 0), NicPort("q", 400 * 10**9)))
    assert list(room._port_differences(planned, enough)) == []
    few = racked("a", ports=(NicPort("p", 10**9), NicPort("q", 400 * 10**9)))
    (difference,) = room._port_differences(planned, few)
    assert (difference.field, difference.wanted, difference.found) == ("ports of 400 Gbps or more", 2, 1)
