from __future__ import annotations

from sovereign_ai.cluster.embedded.settings import first_roles
from sovereign_ai.cluster.kind import kwok


def named(kind: str) -> dict[str, object]:
    (obj,) = [obj for obj in kwok.objects() if obj["kind"] == kind]
    return obj


def test_kwok_has_its_embedded_rights_and_those_on_leases() -> None:
    (embedded,) = [
        role for role in first_roles() if role["metadata"]["name"] == "sovereign-ai:kwok" and "rules" in role
    ]
    rules = named("ClusterRole")["rules"]
    assert isinstance(rules, list)
    assert rules[:-1] == embedded["rules"]
    assert rules[-1]["resources"] == ["leases"]


def test_the_binding_names_the_account_of_the_deployment() -> None:
    account = named("ServiceAccount")["metadata"]
    assert isinstance(account, dict)
    subject = {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    assert named("ClusterRoleBinding")["subjects"] == [subject]


def test_its_image_is_never_pulled() -> None:
    containers = kwok._deployment()["template"]["spec"]["containers"]
    assert [container["imagePullPolicy"] for container in containers] == ["Never"]
