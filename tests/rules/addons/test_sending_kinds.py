from __future__ import annotations

import pytest

from sovereign_ai.rules.addons.sending_kinds import sends_out


@pytest.mark.parametrize("kind", ["DestinationRule", "EnvoyFilter", "ServiceEntry", "VirtualService"])
def test_what_leads_the_requests_of_a_whole_mesh_is_judged_in_every_namespace(kind: str) -> None:
    assert sends_out("networking.istio.io", kind)
    assert not sends_out("gateway.networking.k8s.io", "HTTPRoute")
