"""Images: they come from the registries that the description names, by every path a pod has.

A permitted reference starts with a registry up to its path boundary, so that `registry.example.com/ai`
covers neither `registry.example.com/ai-evil/x` nor `registry.example.com.evil/ai/x`, climbs nowhere, and
ends with its digest where the description asks for one. (Long regular expressions are compiled anew
at each evaluation offline, and would cost more than all other rules together.)
"""

from __future__ import annotations

from sovereign_ai.rules.controls import C3A_UPDATES, CADA_SOFTWARE, NIS2_SUPPLY
from sovereign_ai.rules.kinds import PODS
from sovereign_ai.rules.rule import OBJECT_PLACES, Check, Rule


def _permitted(image: str) -> str:
    """Write that an image is permitted."""
    return (
        f'({image}.matches($image) && $registries.exists(r, {image}.startsWith(r)) && !{image}.contains("..") && !{image}.contains("//"))'
    )


IMAGES = Rule(
    id="IMG-001",
    title="Container images come from the declared registries, pinned by digest where that is required",
    severity="high",
    rationale=(
        "Who fills a registry decides what runs. A tag can be moved to other content; a prefix match lets a look-alike name in; "
        "init and ephemeral containers and image volumes are ways in as good as any."
    ),
    remediation="mirror the image into a registry listed under `images.registries` and name it as REGISTRY/PATH@sha256:DIGEST",
    controls=(CADA_SOFTWARE, C3A_UPDATES, NIS2_SUPPLY),
    places=OBJECT_PLACES,
    checks=(
        Check(
            PODS,
            "containers",
            f"variables.containers.all(c, has(c.image) && {_permitted('c.image')})",
            "an image of a container, init container or ephemeral container is not from a declared registry, or has no digest",
        ),
        Check(
            PODS,
            "volumes",
            f"variables.volumes.all(v, !has(v.image) || (has(v.image.reference) && {_permitted('v.image.reference')}))",
            "an image volume is not from a declared registry, or has no digest",
        ),
    ),
)
