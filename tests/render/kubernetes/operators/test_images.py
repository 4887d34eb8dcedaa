"""References of images in the three fields of an operator."""

from __future__ import annotations

import pytest

from sovereign_ai.render.kubernetes.operators.images import read_image

HOST = "registry.example.com:5000"


@pytest.mark.parametrize(
    ("reference", "repository", "name", "version"),
    [
        (f"{HOST}/ai/driver:580@sha256:ab", f"{HOST}/ai", "driver", "sha256:ab"),
        (f"{HOST}/driver:580", HOST, "driver", "580"),
        (f"{HOST}/driver", HOST, "driver", ""),
    ],
)
def test_a_reference_comes_apart_at_its_last_slash_and_a_port_is_no_tag(
    reference: str, repository: str, name: str, version: str
) -> None:
    image = read_image(reference)
    assert (image.repository, image.name, image.version) == (repository, name, version)
