"""Which servers the API server asks, and who leads their services to other pods."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.rules.rbac.webhook_servers import WebhookServer, leads_elsewhere, servers_of

SERVER = WebhookServer("hooks", "server", "end", "MutatingWebhookConfiguration/m")


def asked(client: Any, kind: str = "ValidatingWebhookConfiguration") -> list[tuple[str, str]]:
    obj = {"kind": kind, "metadata": {"name": "m"}, "webhooks": [{"clientConfig": client}]}
    return [(server.namespace, server.service) for server in servers_of(obj)]


@pytest.mark.parametrize(
    ("client", "servers"),
    [
        ({"service": {"namespace": "hooks", "name": "server"}}, [("hooks", "server")]),
        ({"url": "https://server.hooks.svc/x"}, [("hooks", "server")]),
        ({"url": "https://SERVER.hooks.svc.cluster.local:8443"}, [("hooks", "server")]),
        ({"url": "https://server.hooks.svc.example.com/x"}, [("hooks", "server")]),
        ({"url": "https://127.0.0.1:9443/x"}, []),
        ({"url": "https://example.com/server.hooks.svc/"}, []),
        ({}, []),
        (None, []),
    ],
)
def test_a_server_is_found_by_its_service_or_by_a_url_that_names_it(client: Any, servers: list[Any]) -> None:
    assert asked(client) == servers
    assert asked(client, "ConfigMap") == []


def test_a_rule_leads_a_service_elsewhere_in_its_own_namespace_and_by_its_own_name() -> None:
    rule = {"apiGroups": [""], "resources": ["services"], "verbs": ["patch"]}
    assert leads_elsewhere(rule, "hooks", SERVER)
    assert leads_elsewhere(rule, "", SERVER)
    assert not leads_elsewhere(rule, "other", SERVER)
    assert not leads_elsewhere({**rule, "resourceNames": ["other"]}, "hooks", SERVER)
    assert not leads_elsewhere({**rule, "verbs": ["get"]}, "hooks", SERVER)
