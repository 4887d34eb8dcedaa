"""The network plugin's settings: each dangerous one has a hostile value in the cases."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sovereign_ai.rules import evaluate
from sovereign_ai.rules.objects.network_plugin import DANGEROUS
from tests.rules import deciding
from tests.rules.cases import cases

RULE = "NET-012"
CASES = [case for case in cases() if case.name.startswith(RULE)]


def settings_of(namespace: str, **data: str) -> deciding.Object:
    entries = {name.replace("_", "-"): value for name, value in data.items()}
    return deciding.obj("ConfigMap", namespace=namespace, metadata={"name": "cilium-config"}, data=entries)


def test_every_dangerous_setting_is_refused_in_one_of_the_cases() -> None:
    refused: set[str] = set()
    for case in CASES:
        for name, value in case.obj["data"].items():
            permitted = DANGEROUS.get(name.lower())
            if case.decision == "deny" and permitted and not re.search(permitted, value.strip()):
                refused.add(name.lower())
    assert refused == set(DANGEROUS)


def test_the_settings_count_in_the_namespace_of_the_system_alone() -> None:
    assert deciding.refused_by(settings_of("kube-system", enable_policy="never")) == {RULE}
    assert deciding.refused_by(settings_of("default", enable_policy="never")) == set()


def test_a_setting_that_nobody_lists_passes() -> None:
    assert deciding.refused_by(settings_of("kube-system", bpf_map_dynamic_size_ratio="0.0025")) == set()


@pytest.mark.parametrize(
    ("server", "is_refused"),
    [
        ("https://api.partner.example:6443", False),
        ("https://10.0.0.1:6443 api.partner.example", False),
        ("https://api.partner.example:x@evil.example.org", True),
        ("https://api.partner.example:443\nhttps://evil.example.org", True),
        ("api.partner.example:443\tevil.example.org", True),
        ("api.partner.example/@evil.example.org", True),
        ("https://evil.example.org/api.partner.example", True),
        ("ai:443", True),
    ],
)
def test_a_server_of_the_api_may_be_a_host_that_the_description_declares(
    server: str, is_refused: bool
) -> None:
    context = replace(deciding.small_context(), outside=(("open", "api.partner.example"),))
    found = evaluate([settings_of("kube-system", k8s_api_server_urls=server)], context, "bundle")
    assert ({finding.rule for finding in found} == {RULE}) is is_refused
