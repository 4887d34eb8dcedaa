from __future__ import annotations

import pytest

sushy = pytest.importorskip("sushy")

from sovereign_ai.verify.redfish.connector import ReadOnlyConnector  # noqa: E402 - it needs the extra


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_no_verb_but_get_is_sent(method: str) -> None:
    with pytest.raises(sushy.exceptions.ConnectionError, match="only reads"):
        ReadOnlyConnector("https://127.0.0.1:1")._op(method, "/redfish/v1")


@pytest.mark.parametrize("target", ["https://other.example/redfish/v1", "http://127.0.0.1:1/redfish/v1"])
def test_the_account_is_sent_to_no_other_service(target: str) -> None:
    with pytest.raises(sushy.exceptions.ConnectionError, match="which is another"):
        ReadOnlyConnector("https://127.0.0.1:1")._op("GET", target)


def test_neither_proxy_nor_account_come_from_the_environment() -> None:
    assert not ReadOnlyConnector("https://127.0.0.1:1")._session.trust_env
