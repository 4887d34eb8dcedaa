"""Plugins: the engine's address among their arguments."""

from __future__ import annotations

import pytest

from sovereign_ai.deploy.language_host.plugin_server import engine_address


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        ([], ""),
        (["127.0.0.1:1"], "127.0.0.1:1"),
        (["-tracing", "127.0.0.1:1"], "127.0.0.1:1"),
        (["a", "127.0.0.1:1", "--logtostderr"], "127.0.0.1:1"),
    ],
)
def test_the_last_argument_that_is_no_option_is_the_engine(arguments: list[str], address: str) -> None:
    assert engine_address(arguments) == address
