"""Registries that images may come from."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.images import Images


def test_there_is_at_least_one_registry() -> None:
    with pytest.raises(SpecError):
        Images(registries=[])


@pytest.mark.parametrize(
    "registry", ["https://r.example.com", "R.example.com", "r.example.com/../x", "r.example.com:"]
)
def test_what_is_no_host_and_path_is_no_registry(registry: str) -> None:
    with pytest.raises(SpecError) as caught:
        Images(registries=[registry])
    assert caught.value.problems[0].code == "bad-registry"


@pytest.mark.parametrize("registry", ["r.example.com", "r.example.com:5000/ai", "localhost/train/"])
def test_a_registry_is_a_host_with_a_port_and_a_path_if_need_be(registry: str) -> None:
    assert Images(registries=[registry]).registries == (registry,)
