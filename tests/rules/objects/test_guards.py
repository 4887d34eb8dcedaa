from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.names import KEYS
from tests.rules.deciding import obj, refused_by


def _webhook(**client: Any) -> dict[str, Any]:
    return obj(
        "ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
        namespace="",
        webhooks=[{"name": "w", "clientConfig": client}],
    )


def test_a_webhook_is_served_by_a_namespace_of_the_platform() -> None:
    assert refused_by(_webhook(service={"namespace": "kube-system", "name": "w"})) == set()
    assert refused_by(_webhook(service={"namespace": "research", "name": "w"})) == {"WHK-002"}
    assert refused_by(_webhook(url="https://example.com")) == {"WHK-001"}


@pytest.mark.parametrize(("seconds", "rules"), [(7_776_000, set()), (7_776_001, {"CSR-002"})])
def test_a_certificate_of_an_add_on_ends_within_ninety_days(seconds: int, rules: set[str]) -> None:
    spec = {"signerName": "example.com/serving", "expirationSeconds": seconds}
    request = obj("CertificateSigningRequest", "certificates.k8s.io/v1", namespace="", spec=spec)
    assert refused_by(request) == rules


def test_a_strange_namespace_may_not_carry_the_label_of_a_zone() -> None:
    stranger = obj("Namespace", namespace="")
    assert refused_by(stranger) == set()
    stranger["metadata"]["labels"] = {KEYS.namespace_zone: "open"}
    assert refused_by(stranger) == {"NSP-001"}
