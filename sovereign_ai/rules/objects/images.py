"""Rules on images: they come from the registries that the description names, in every field of a pod.

A permitted reference starts with a registry up to its path boundary, so that `registry.example.com/ai` covers
neither `registry.example.com/ai-evil/x` nor `registry.example.com.evil/ai/x`. It does not climb with `..`,
and it ends with its digest if the description requires one.

The conditions compare prefixes: offline, long regular expressions are compiled anew at each evaluation, and
would cost more than all other rules together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sovereign_ai.rules.controls import C3A_UPDATES, CADA_SOFTWARE, CIS_PROVENANCE, NIS2_SUPPLY
from sovereign_ai.rules.kinds import PODS
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck


def _permitted(image: str) -> str:
    """Return CEL: an image comes from a declared registry."""
    return (
        f'($registries.exists(r, {image}.startsWith(r)) && !{image}.contains("..")'
        f' && !{image}.contains("//"))'
    )


_LISTED = re.compile(r"(\[[^\]]*\])\.exists\(r, c\.image\.startsWith\(r\)")


def registries_of(policy: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the registries that a rendered admission policy on pods permits; none if it names none.

    Args:
        policy: the ValidatingAdmissionPolicy, also as it is read from a cluster.
    """
    for validation in (policy.get("spec") or {}).get("validations") or ():
        match = _LISTED.search(validation["expression"])
        if match:
            prefixes: list[str] = json.loads(match[1])
            return tuple(prefix.removesuffix("/") for prefix in prefixes)
    return ()


# Every rule on images serves the same requirements on the supply chain.
_CONTROLS = (CADA_SOFTWARE, C3A_UPDATES, NIS2_SUPPLY, CIS_PROVENANCE)

_CONTAINERS_ARE_DECLARED = f"variables.containers.all(c, has(c.image) && {_permitted('c.image')})"
_VOLUMES_ARE_DECLARED = (
    "variables.volumes.all(v, !has(v.image) || (has(v.image.reference)"
    f" && {_permitted('v.image.reference')}))"
)
IMAGES = Rule(
    id="IMG-001",
    title="Container images come from the declared registries",
    severity="high",
    rationale=(
        "Who fills a registry decides what runs. A prefix match lets a look-alike name in; init and "
        "ephemeral containers and image volumes are ways in as good as any."
    ),
    remediation="mirror the image into a registry listed under `images.registries`",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "containers",
            _CONTAINERS_ARE_DECLARED,
            "an image of a container, init container or ephemeral container is not from a declared registry",
        ),
        RuleCheck(
            PODS,
            "volumes",
            _VOLUMES_ARE_DECLARED,
            "an image volume is not from a declared registry",
        ),
    ),
)
_CONTAINERS_ARE_PINNED = "variables.containers.all(c, has(c.image) && c.image.matches($image))"
_VOLUMES_ARE_PINNED = (
    "variables.volumes.all(v, !has(v.image) || (has(v.image.reference) && v.image.reference.matches($image)))"
)
DIGESTS = Rule(
    id="IMG-002",
    title="Images are pinned by digest where the description asks for it, and well-formed everywhere",
    severity="high",
    rationale="A tag can be moved to other content after it was checked; a digest is the content.",
    remediation="name the image as REGISTRY/PATH@sha256:DIGEST",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "containers",
            _CONTAINERS_ARE_PINNED,
            "an image of a container, init container or ephemeral container has no whole digest",
        ),
        RuleCheck(
            PODS,
            "volumes",
            _VOLUMES_ARE_PINNED,
            "an image volume has no whole digest",
        ),
    ),
)
_CONTAINERS_ARE_PULLED = (
    'variables.containers.all(c, !has(c.imagePullPolicy) || c.imagePullPolicy != "Never")'
)
_VOLUMES_ARE_PULLED = (
    'variables.volumes.all(v, !has(v.image) || !has(v.image.pullPolicy) || v.image.pullPolicy != "Never")'
)
PULLED = Rule(
    id="IMG-003",
    title="Images are fetched from their registry, never taken from what lies on the machine",
    severity="medium",
    rationale=(
        "With `Never`, a container runs whatever lies on the machine under that name, also an image that "
        "another tenant fetched with its own credentials, or that somebody put there manually."
    ),
    remediation="leave imagePullPolicy and pullPolicy out",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "containers",
            _CONTAINERS_ARE_PULLED,
            "an image of a container is never fetched from its registry",
        ),
        RuleCheck(
            PODS,
            "volumes",
            _VOLUMES_ARE_PULLED,
            "an image volume is never fetched from its registry",
        ),
    ),
)

_REFERENCES = (
    '(variables.containers.map(c, has(c.image) ? c.image : "")'
    ' + variables.volumes.filter(v, has(v.image)).map(v, has(v.image.reference) ? v.image.reference : ""))'
)
# A digest is looked for behind each signer of the registry. Lists of one type alone: the API server refuses
# literals of several. The constants grow with the description and not with products of its lists, since etcd
# limits a policy.
_SIGNED = (
    f"{_REFERENCES}.all(i, $signed_registries.all(r, !i.startsWith(r)"
    ' || (size(i.split("@")) == 2 && $signers.exists(s, ("" in s || r in s)'
    ' && (s[0] + "/" + i.split("@")[1]) in $signatures))))'
)
SIGNED = Rule(
    id="IMG-004",
    title="Images of registries with declared signers run by a digest that one of them has signed",
    severity="high",
    rationale=(
        "Whoever can write to a registry can put an image there; the signature says that the people or the "
        "builder named in the description made it."
    ),
    remediation=(
        "have a declared signer sign the digest, put the signature beside the description, and deploy"
    ),
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "containers",
            _SIGNED,
            "an image of a container, init container or ephemeral container, or an image volume, has no "
            "valid signature of a declared signer",
        ),
    ),
    only_with="signed_registries",
)

RULES = (IMAGES, DIGESTS, PULLED, SIGNED)
