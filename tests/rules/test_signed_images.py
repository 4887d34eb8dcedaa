"""Signed images at admission: the cases of IMG-004, decided by a real API server.

The lab declares no signers. So the part of the policies about signatures, as it is rendered with one, stands
beside the lab's own under other names.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from sovereign_ai.render.kubernetes.admission import API, objects, policy_name
from sovereign_ai.rules.context import factory_context
from sovereign_ai.rules.kinds import Group
from tests.rules.cases import Case, cases, signed
from tests.rules.test_cases import _agrees, _ask

if TYPE_CHECKING:
    from tests.conftest import Deployed

pytestmark = pytest.mark.cluster
CASES = [case for case in cases() if case.name.startswith("IMG-004/")]
_POLICY, _BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
_GROUPS: tuple[Group, ...] = ("pods", "templates")
_SECONDS = 60


@pytest.fixture(scope="module")
def signing(deployed_lab: Deployed) -> Iterator[Deployed]:
    """The lab's API server with what is rendered about signatures."""
    context = signed(factory_context(deployed_lab.factory, deployed_lab.plan, "lab"))
    rendered = {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects(deployed_lab.factory, context)}
    names = [f"test-signed-{group}" for group in _GROUPS]
    api = deployed_lab.api
    try:
        for group, name in zip(_GROUPS, names, strict=True):
            spec = dict(rendered[_POLICY, policy_name(group)]["spec"])
            spec["validations"] = [
                each for each in spec["validations"] if each["message"].startswith("IMG-004: ")
            ]
            assert len(spec["validations"]) == 1
            api.create(_object(_POLICY, name, spec))
            api.create(_object(_BINDING, name, {"policyName": name, "validationActions": ["Deny"]}))
        _wait(deployed_lab)
        yield deployed_lab
    finally:
        for name in names:
            api.delete(API, _BINDING, name)
            api.delete(API, _POLICY, name)


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _named(name: str) -> Case:
    return next(case for case in CASES if case.name == f"IMG-004/{name}")


def _wait(lab: Deployed) -> None:
    """Wait until both policies refuse: a policy is active some time after it is there."""
    deadline = time.monotonic() + _SECONDS
    for case in (_named("unsigned-1"), _named("deployment-unsigned")):
        while _ask(lab, case)[0] == "allow":
            assert time.monotonic() < deadline, case
            time.sleep(0.2)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_admission_decides_a_case_about_signatures_as_it_states(case: Case, signing: Deployed) -> None:
    answer, message = _ask(signing, case)
    assert _agrees(case, answer, message), f"{answer}: {message}"


def test_an_unsigned_image_comes_in_neither_by_update_nor_as_an_ephemeral_container(
    signing: Deployed,
) -> None:
    from sovereign_ai.cluster.api.errors import ApiError

    api, good = signing.api, _named("signed").obj
    created = api.create({**good, "metadata": {**good["metadata"], "name": "signed-later"}})
    path, merge = "/api/v1/namespaces/research/pods/signed-later", "application/strategic-merge-patch+json"
    image = good["spec"]["containers"][0]["image"]
    box = created["spec"]["containers"][0]["securityContext"]

    unsigned = image[:-1] + "0"
    changed = {"spec": {"containers": [{"name": "main", "image": unsigned}]}}
    try:
        with pytest.raises(ApiError, match="IMG-004"):
            api.request("PATCH", path, changed, content_type=merge)
        # No ephemeral container comes in at all, whoever signed its image: another rule refuses it first.
        container = {"name": "debug", "image": unsigned, "securityContext": box}
        body = {"spec": {"ephemeralContainers": [container]}}
        with pytest.raises(ApiError, match=r"PRV-015|IMG-004"):
            api.request("PATCH", f"{path}/ephemeralcontainers", body, content_type=merge)
    finally:
        api.delete("v1", "Pod", "signed-later", "research")
