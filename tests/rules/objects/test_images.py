from __future__ import annotations

import pytest

from tests.rules.deciding import refused_by
from tests.rules.subject import DIGEST, pod

LISTED = "registry.example.com/ai/train"


@pytest.mark.parametrize(
    ("image", "rules"),
    [
        (f"{LISTED}{DIGEST}", set()),
        (f"registry.example.com/ai-evil/train{DIGEST}", {"IMG-001"}),
        (f"registry.example.com/ai/../x{DIGEST}", {"IMG-001"}),
        (f"{LISTED}:1", {"IMG-002"}),
        (f"{LISTED}{DIGEST[:-1]}", {"IMG-002"}),
    ],
    ids=["listed", "look-alike", "climbing", "tag", "short digest"],
)
def test_an_image_is_of_a_declared_registry_and_has_a_whole_digest(image: str, rules: set[str]) -> None:
    assert refused_by(pod(image=image)) == rules


def test_an_image_volume_is_held_to_the_same_rules() -> None:
    volume = {"name": "model", "image": {"reference": "docker.io/x:1", "pullPolicy": "Never"}}
    assert refused_by(pod(volumes=[volume])) == {"IMG-001", "IMG-002", "IMG-003"}
