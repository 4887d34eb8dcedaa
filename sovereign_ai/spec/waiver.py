"""Waivers and their approvers: recorded exceptions to rules, each with an end."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from sovereign_ai.spec.base import Day, Model, Name, Text, added_later
from sovereign_ai.spec.field_location import TextForm

WAIVER_RESOURCE = r"^[A-Za-z][A-Za-z0-9]*(/[A-Za-z0-9._:-]+){1,2}$"
"""One resource. Kinds may have digits (`S3Bucket`), and names of rights capitals and colons."""


class Approver(Model):
    """A role or person that may approve exceptions, with the public key of its signatures."""

    name: Text
    """The role or person, as waivers and break-glass access name it; unique in its normal form."""
    key: Annotated[
        str,
        StringConstraints(pattern=r"^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$"),
        TextForm(
            "bad-approver-key", "an Ed25519 public key, as `sovereign-ai waiver key` prints it", digits=True
        ),
    ]
    """Ed25519 public key: base64 of its SubjectPublicKeyInfo, which is the line within its PEM file."""
    until: Day | None = added_later()
    """The last day on which it may approve and what it signed counts; left out, no end."""


class Waiver(Model):
    """A recorded exception: one rule, one resource, an end."""

    id: Name
    """Unique in the factory."""
    rule: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Z]{2,5}-[0-9]{3}$"),
        TextForm("bad-rule", "a rule's id, such as RES-001"),
    ]
    """The rule's stable id."""
    resource: Annotated[
        str,
        StringConstraints(pattern=WAIVER_RESOURCE, max_length=500),
        TextForm("bad-resource", "one resource without wildcards, such as Pod/team-a/job"),
    ]
    """Exactly one resource, `Kind/namespace/name` or `Kind/name`; wildcards are refused."""
    reason: Text
    """Why it is needed."""
    owner: Text
    """The role that carries the risk."""
    requester: Text
    """The role that requested it."""
    approver: Text
    """The role that approved it; never the requester."""
    compensating_control: Text
    """What keeps the risk down in the meantime."""
    created: Day
    """The day of its approval."""
    expires: Day
    """The first day on which it no longer counts; at most 90 days after `created`."""
    signature: (
        Annotated[
            str,
            StringConstraints(pattern=r"^[A-Za-z0-9+/]{59}=:[A-Za-z0-9+/]{86}==$"),
            TextForm("bad-signature", "what `sovereign-ai waiver sign` printed", digits=True),
        ]
        | None
    ) = added_later()
    """The approver's own signature, which `sovereign-ai waiver sign` makes; without it the waiver covers
    nothing."""
