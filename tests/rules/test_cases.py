"""One list of cases, decided offline, in the Pulumi pack's conversion, and at admission by the real API
server.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sovereign_ai.rules import engine
from sovereign_ai.rules.context import Context
from sovereign_ai.rules.coverage import decided_share, places_matrix
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.kinds import GROUPS
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Rule
from tests.rules.cases import FOLDER, Case, cases, found_offline, lab_context

if TYPE_CHECKING:
    from tests.conftest import Deployed

ROOT = Path(__file__).resolve().parents[2]
CASES = cases()


@pytest.fixture(scope="module")
def lab() -> Context:
    return lab_context()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_is_decided_offline_as_its_folder_states(case: Case):
    found = found_offline(case)
    assert tuple(sorted({finding.rule for finding in found})) == case.rules, case.reason
    assert all(finding.status == "violation" for finding in found)


@pytest.fixture(scope="module")
def to_plain() -> Callable[[Any, str], dict[str, Any]]:
    """The conversion of the policy pack, whose modules Pulumi finds by their names alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "policies" / "sovereign"))
        from properties import to_plain

        sys.modules.pop("properties")
    convert: Callable[[Any, str], dict[str, Any]] = to_plain
    return convert


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_is_decided_alike_from_the_properties_that_pulumi_sends(
    case: Case, lab: Context, to_plain: Callable[[Any, str], dict[str, Any]]
):
    from pulumi_policy.proxy import unknown_checking_proxy

    version = case.obj["apiVersion"]
    token = f"kubernetes:{version if '/' in version else f'core/{version}'}:{case.obj['kind']}"
    found = evaluate([to_plain(unknown_checking_proxy(_as_json_numbers(case.obj)), token)], lab, "pulumi")
    assert tuple(sorted({finding.rule for finding in found})) == case.rules, case.reason


def _as_json_numbers(value: Any) -> Any:
    """Protobuf's Struct knows only floating point numbers."""
    if isinstance(value, dict):
        return {key: _as_json_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json_numbers(item) for item in value]
    return float(value) if type(value) is int else value


def test_every_folder_holds_a_case_and_every_rule_has_allowing_and_denying_ones():
    folders = [path for path in FOLDER.glob("*/*") if path.is_dir()]
    assert {f"{path.parent.name}/{path.name}" for path in folders} <= {case.name for case in CASES}
    assert len({case.name for case in CASES}) == len(CASES)
    for rule in (rule for rule in REGISTRY if rule.checks):
        decisions = {case.decision for case in CASES if case.name.startswith(f"{rule.id}/")}
        assert decisions == {"allow", "deny"}, rule.id


_ONLY_BY_WRITER = {
    ("NOD-001", "a machine, or an agent by its status, writes what the factory notes of it"),
    ("NOD-001", "a machine lifts a cordon of itself"),
}
"""Messages on who writes, which no object says: tests/rules/objects/test_machines.py has them."""


def test_every_message_is_given_for_some_case():
    never = {(rule.id, check.message) for rule in REGISTRY for check in rule.checks}
    for case in CASES:
        # Of thousands of cases those are evaluated whose rules have a message that was not given yet.
        if any(rule in case.rules for rule, _ in never):
            never -= {(finding.rule, finding.message) for finding in found_offline(case)}
    assert never == _ONLY_BY_WRITER


def test_each_rule_has_a_denying_case_that_nothing_else_refuses(lab: Context):
    for rule in (rule for rule in REGISTRY if rule.checks):
        denying = [case for case in CASES if case.name.startswith(f"{rule.id}/") and case.decision == "deny"]
        alone = (case for case in denying if case.rules == (rule.id,) and weakened(rule, case, lab) == set())
        assert any(alone), rule.id


def weakened(rule: Rule, case: Case, lab: Context) -> set[str]:
    """Give what still refuses a case where a rule says yes to everything."""
    without = replace(rule, checks=tuple(replace(check, expression="true", rows=()) for check in rule.checks))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "REGISTRY", tuple(without if one.id == rule.id else one for one in REGISTRY))
        # What is compiled of the registry is made anew for this one, and kept of the real one.
        patch.setattr(engine, "_compiled", engine._compiled.__wrapped__)
        return {finding.rule for finding in evaluate([case.obj], lab)}


def test_there_are_many_cases_and_in_each_place_most_rules_are_decided():
    assert len(CASES) >= 250
    assert decided_share() >= 0.8


def test_a_place_that_cannot_decide_a_rule_has_a_reason():
    cells = places_matrix()
    assert len(cells) == 5 * len(REGISTRY)
    assert all(cell.decided != bool(cell.why) for cell in cells)


@pytest.fixture(scope="module")
def with_custom_kinds(deployed_lab: Deployed) -> Deployed:
    """The lab's API server, serving the custom kinds that some cases are of."""
    from sovereign_ai.cluster.crds import install_crds

    install_crds(deployed_lab.api, Path(__file__).parent / "crds")
    return deployed_lab


@pytest.mark.cluster
def test_admission_decides_every_case_as_its_folder_states(with_custom_kinds: Deployed):
    api = with_custom_kinds.api
    undecided = {rule.id for rule in REGISTRY if rule.checks and "admission" not in rule.places}
    # The lab declares no signers of images: test_signed_images.py asks about those.
    undecided.add("IMG-004")
    # Nor does it declare who may be asked for names: test_dns_names.py asks about that.
    undecided.add("NET-011")
    # Nor does it send work to other clusters, so that it lacks the namespace of their kubeconfigs:
    # tests/queues/test_multikueue.py asks about these.
    sent_work = [case for case in CASES if case.name.startswith("PLC-012/")]
    asked = [case for case in CASES if not set(case.rules) & undecided and case not in sent_work]
    answers = api.many(partial(_ask, with_custom_kinds, case) for case in asked)
    wrong = [
        f"{case}: {answer}: {message}"
        for case, (answer, message) in zip(asked, answers, strict=True)
        if not _agrees(case, answer, message)
    ]
    assert not wrong, "\n".join(wrong)


def _agrees(case: Case, answer: str, message: str) -> bool:
    """Tell whether the API server decides a case as its folder says.

    Of several rules it names the first that says no.
    """
    if case.otherwise and case.otherwise in message:
        return True
    named = any(rule in message for rule in case.rules) or (
        "PRV-" in "".join(case.rules) and "violates PodSecurity" in message
    )
    return answer == (case.admission or case.decision) and (answer == "allow" or named)


@pytest.mark.cluster
def test_the_mutating_policy_does_what_the_offline_engine_does(deployed_lab: Deployed, lab: Context):
    from sovereign_ai.rules.defaulting import admitted

    pods = [
        case.obj
        for case in CASES
        if case.obj["kind"] == "Pod" and case.decision == "allow" and not case.otherwise
    ]
    assert pods
    for pod in pods:
        stored = deployed_lab.api.create(pod, dry_run=True)["spec"]
        wanted = admitted(pod, lab)["spec"]
        assert stored.get("nodeSelector", {}) == wanted.get("nodeSelector", {})
        assert _given(stored) == _given(wanted)


def _given(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the tolerations of a pod without those that Kubernetes gives each pod that lacks them."""
    added = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    return [one for one in spec.get("tolerations", []) if one["key"] not in added]


@pytest.mark.cluster
def test_the_api_server_finds_nothing_to_warn_of_in_the_types_of_our_policies(deployed_lab: Deployed):
    policies = deployed_lab.api.list("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy")
    ours = [one for one in policies if one["metadata"]["name"].startswith("sovereign-")]
    assert len(ours) == len(GROUPS)
    for one in ours:
        assert one["status"].get("typeChecking", {}) == {}, one["metadata"]["name"]


@pytest.mark.cluster
def test_only_the_scheduler_binds_pods(deployed_lab: Deployed):
    from sovereign_ai.cluster.api.errors import ApiError

    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "none"},
        "target": {"kind": "Node", "name": "serve-001"},
    }
    with pytest.raises(ApiError, match="PLC-005"):
        deployed_lab.api.request(
            "POST",
            "/api/v1/namespaces/research/bindings",
            {**binding, "metadata": {"name": "none", "namespace": "research"}},
        )


@pytest.mark.cluster
def test_no_unlisted_image_comes_in_later_by_update_or_as_an_ephemeral_container(deployed_lab: Deployed):
    from sovereign_ai.cluster.api.errors import ApiError

    api = deployed_lab.api
    good = next(case.obj for case in CASES if case.name == "IMG-001/listed-with-digest")
    created = api.create({**good, "metadata": {**good["metadata"], "name": "later"}})
    path, merge = "/api/v1/namespaces/research/pods/later", "application/strategic-merge-patch+json"
    changed = {"spec": {"containers": [{"name": "main", "image": "docker.io/library/nginx:1"}]}}
    box = created["spec"]["containers"][0]["securityContext"]
    debug = {
        "spec": {
            "ephemeralContainers": [
                {"name": "debug", "image": "docker.io/library/busybox:1", "securityContext": box}
            ]
        }
    }
    try:
        with pytest.raises(ApiError, match="IMG-001"):
            api.request("PATCH", path, changed, content_type=merge)
        with pytest.raises(ApiError, match="IMG-001"):
            api.request("PATCH", f"{path}/ephemeralcontainers", debug, content_type=merge)
        api.request("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, content_type=merge)
    finally:
        api.delete("v1", "Pod", "later", "research")


def _ask(deployed: Deployed, case: Case) -> tuple[str, str]:
    """Ask the real API server, without storing anything."""
    from sovereign_ai.cluster.api.errors import ApiError

    try:
        deployed.api.create(case.obj, dry_run=True)
    except ApiError as error:
        # That an object exists is found after every policy has let it in.
        return ("allow", "") if error.reason == "AlreadyExists" else ("deny", str(error))
    return "allow", ""
