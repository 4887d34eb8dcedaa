"""Images, workloads and waivers: texts with a form."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.images import Images
from sovereign_ai.spec.workload import Workload


@pytest.mark.parametrize(
    "image",
    ["r.example.com/ai/train:1.0", "r.example.com:5000/a__b/c@sha256:00ff", "localhost/train"],
)
def test_an_image_has_registry_path_and_tag_or_digest(image: str) -> None:
    assert Workload(name="w", tenant="t", pool="p", image=image).image == image


@pytest.mark.parametrize(
    "image", ["r.example.com/../train", "R.example.com/ai", "r.example.com/ai:a b", "/x"]
)
def test_a_path_that_leads_elsewhere_is_no_image(image: str) -> None:
    with pytest.raises(SpecError) as caught:
        Workload(name="w", tenant="t", pool="p", image=image)
    assert caught.value.problems[0].code == "bad-image"


def test_there_is_at_least_one_registry() -> None:
    with pytest.raises(SpecError):
        Images(registries=[])
    with pytest.raises(SpecError):
        Images(registries=["https://r.example.com"])
