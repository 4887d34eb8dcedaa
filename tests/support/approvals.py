"""Approvers of tests and their keys: sign waivers and break-glass access as a person would, with a key of
one's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sovereign_ai.attest.signing import base64_text, pae
from sovereign_ai.cli.waiver import public_key_text, sign_waiver
from sovereign_ai.files.yaml_text import parse
from sovereign_ai.names import normal_name
from sovereign_ai.operate.grants import AccessGrant
from sovereign_ai.rules.approval import ACCESS_TYPE, ListedApprovers, access_payload
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.waiver import Approver, Waiver


@cache
def key_of(approver: str) -> Ed25519PrivateKey:
    """Return the private key of an approver: another one for each name, whatever its case and blanks."""
    # Not by `normal_name`: signatures that tests keep must outlive a change of what looks alike.
    seed = " ".join(re.split(r"[\W_]+", approver.casefold())).strip().encode().ljust(32, b".")[:32]
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_key_of(approver: str) -> str:
    """Return an approver's public key as a description lists it."""
    return public_key_text(key_of(approver))


def listed(*approvers: str, factory: str = "lab") -> ListedApprovers:
    """Return approvers with their keys, as the operator of a factory's plane knows them."""
    known = {}
    for name in approvers:
        known[normal_name(name)] = Approver.model_construct(
            None, name=name, key=public_key_of(name), until=None
        )
    return ListedApprovers(factory, known)


def listed_in(factory: AIFactory) -> ListedApprovers:
    """Return the approvers of a description, as the operator knows them after its deployment."""
    return ListedApprovers(factory.name, {normal_name(one.name): one for one in factory.approvers})


def approved_grant(grant: AccessGrant) -> AccessGrant:
    """Return a grant with its approver's signature."""
    key = key_of(grant.approver)
    made = base64_text(key.sign(pae(ACCESS_TYPE, access_payload(grant.agreed))))
    return replace(grant, signature=f"{public_key_text(key)}:{made}")


def signed_data(data: Mapping[str, Any], *approvers: str) -> dict[str, Any]:
    """Return a description's plain data in which every waiver is signed by its approver, whom it lists.

    Args:
        data: the description, with waivers that need not be signed.
        approvers: further approvers to list, such as those of break-glass access.
    """
    waivers = data.get("waivers") or []
    names = {
        normal_name(name): name for name in [*approvers, *(str(waiver["approver"]) for waiver in waivers)]
    }
    kept = [each for each in data.get("approvers") or [] if normal_name(str(each["name"])) not in names]
    listed = [*kept, *({"name": name, "key": public_key_of(name)} for name in names.values())]
    whole = {**data, "approvers": listed} if listed else dict(data)
    if waivers:
        whole["waivers"] = [
            {**waiver, "signature": signature(waiver, str(data["name"]))} for waiver in waivers
        ]
    return whole


def signature(waiver: Mapping[str, Any], factory: str) -> str:
    """Return the signature of a waiver's approver; it need not be sound."""
    facts = {name: value for name, value in waiver.items() if name != "signature"}
    return sign_waiver(Waiver.model_construct(None, **facts), factory, key_of(str(waiver["approver"])))


def signed_text(text: str, *approvers: str) -> str:
    """Return a description as JSON, which is YAML, in which every waiver is signed by its approver, whom it
    lists.
    """
    data, _, problems = parse(text, "factory.yaml")
    assert not problems
    return json.dumps(signed_data(data, *approvers), indent=2) + "\n"
