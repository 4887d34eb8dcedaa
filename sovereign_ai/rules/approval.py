r"""Approval by a second person: the payload that an approver signs, and the key by which a signature counts.

An exception counts only with the signature of its approver, by a key that the description lists under that
name. The signature covers the facts of the exception and the factory's name, so that it is valid for nothing
else. This module decides it for waivers everywhere: in `check`, in rendered policies, in the policy pack, in
`audit`, and in the operator.

    >>> normal_name("  Network\u00a0 Lead") == normal_name("network-lead")
    True

A signature is written as `KEY:SIGNATURE`, both in base64: Ed25519 (RFC 8032) over DSSE's pre-authentication
encoding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.key_material import RefusedKeyError, ed25519_key, exact_base64
from sovereign_ai.names import KEYS, normal_name

if TYPE_CHECKING:
    from sovereign_ai.spec import AIFactory, Approver, Waiver

WAIVER_TYPE = f"application/vnd.{KEYS.domain}.waiver+json"
"""Payload type of the signature of a waiver."""
ACCESS_TYPE = f"application/vnd.{KEYS.domain}.access+json"
"""Payload type of the signature of break-glass access."""
_SIGNED = ("id", "rule", "resource", "requester", "approver", "created", "expires")
# Free texts are signed by their digest, so that the operator's question can leave them out.
_WORDS = ("reason", "owner", "compensating_control")


@frozen_dataclass
class ListedApprovers:
    """The approvers of a description, for a place that has no description, such as the operator.

    Attributes:
        factory: the factory's name, which every signature covers.
        approvers: the approvers by name in its normal form.
    """

    factory: str
    approvers: Mapping[str, Approver]

    def find(self, factory: str, name: str, key: str) -> Approver | None:
        """Return the approver of a name, if a key is listed under that name and no other; else None.

        Args:
            factory: the factory that was signed for.
            name: the approver's name, as the exception writes it.
            key: the public key that signed, as a description lists it.
        """
        found = None
        for owner, approver in self.approvers.items():
            if approver.key == key and owner != normal_name(name):
                return None
            if approver.key == key:
                found = approver
        return found if factory == self.factory else None


NO_APPROVERS = ListedApprovers("", {})
"""Nobody is listed, so that no exception counts."""


def pae(kind: str, payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding, version 1.

    >>> pae("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def words_digest(waiver: Waiver) -> str:
    """Return the SHA-256 of a waiver's free texts, which stands for them in the operator's question."""
    words = {name: getattr(waiver, name) for name in _WORDS}
    return hashlib.sha256(orjson.dumps(words, option=orjson.OPT_SORT_KEYS)).hexdigest()


def waiver_payload(waiver: Waiver, factory: str, words: str | None = None) -> bytes:
    """Return what the approver of a waiver signs.

    Args:
        waiver: the waiver; its signature does not count.
        factory: the factory's name.
        words: digest of its free texts, if the caller does not have the texts.
    """
    facts = {name: getattr(waiver, name) for name in _SIGNED}
    payload = {"factory": factory, "waiver": facts, "words": words or words_digest(waiver)}
    # Sorted keys, since a signature covers bytes.
    return orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)


def is_signed(signature: str, kind: str, payload: bytes) -> bool:
    """Return whether `KEY:SIGNATURE` holds a signature of that key over a payload.

    It does not decide whose key that is.
    """
    # Imported late: the import is slow, and most descriptions have no waiver.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    key_text, _, signature_text = signature.partition(":")
    try:
        key = ed25519_key(key_text)
        key.verify(exact_base64(signature_text), pae(kind, payload))
    except (RefusedKeyError, InvalidSignature):
        return False
    return True


def approver_of(factory: AIFactory, name: str) -> Approver | None:
    """Return the approver of a name, compared in normal form; None if the description lists none."""
    wanted = normal_name(name)
    for approver in factory.approvers:
        if normal_name(approver.name) == wanted:
            return approver
    return None


def explain_refusal(
    factory: AIFactory, approver: str, signature: str | None, kind: str, payload: bytes, day: date
) -> str:
    """Return why an exception is not approved; empty if it is.

    Args:
        factory: the description.
        approver: the name of the approver, as the exception writes it.
        signature: `KEY:SIGNATURE`; None or empty for none.
        kind: type of the payload.
        payload: the signed bytes.
        day: the day of the approval.
    """
    listed = approver_of(factory, approver)
    if listed is None:
        return f"the description lists no approver {approver!r} with a key"
    if twice := _listed_twice(factory, listed, approver):
        return twice
    if listed.until is not None and day > listed.until:
        return f"{approver!r} could agree until {listed.until}, and this is of {day}"
    if not signature:
        return f"{approver!r} has not signed it"
    if signature.partition(":")[0] != listed.key:
        return f"another key signed it than the one of {approver!r}"
    changed = f"the signature of {approver!r} does not fit: something in it was changed since"
    return "" if is_signed(signature, kind, payload) else changed


def _listed_twice(factory: AIFactory, listed: Approver, approver: str) -> str:
    """Return which name or key of an approver another has too; empty for none.

    The reader of descriptions refuses both. A factory that a program built was never read.
    """
    for other in factory.approvers:
        if other is not listed and normal_name(other.name) == normal_name(approver):
            return f"the description lists {approver!r} twice"
        if other is not listed and other.key == listed.key:
            return f"{other.name!r} and {approver!r} have the same key, so that they are one person"
    return ""


def explain_waiver_refusal(factory: AIFactory, waiver: Waiver) -> str:
    """Return why a waiver is not approved; empty if it is."""
    if normal_name(waiver.approver) == normal_name(waiver.requester):
        return "who asks cannot agree"
    requester = approver_of(factory, waiver.requester)
    approver = approver_of(factory, waiver.approver)
    if requester is not None and approver is not None and requester.key == approver.key:
        return f"{waiver.requester!r} and {waiver.approver!r} have the same key, so that they are one person"
    payload = waiver_payload(waiver, factory.name)
    return explain_refusal(factory, waiver.approver, waiver.signature, WAIVER_TYPE, payload, waiver.created)


def within_mandate(waiver: Waiver, until: date | None) -> Waiver:
    """Return a waiver as it counts: no longer than its approver may agree.

    The day of a waiver is the word of who signs it. Once the approver's right has ended, one that was signed
    before cannot be told from one that is signed since and dated back.

    Args:
        waiver: the waiver, as it is signed.
        until: the last day on which its approver may agree; None for no end.
    """
    if until is None or waiver.expires <= until:
        return waiver
    return waiver.model_copy(update={"expires": until + timedelta(days=1)})


def as_counted(factory: AIFactory, waiver: Waiver) -> Waiver:
    """Return a waiver of a description as it counts."""
    return within_mandate(waiver, mandate_ends(factory).get(normal_name(waiver.approver)))


def mandate_ends(factory: AIFactory) -> dict[str, date]:
    """Return the last day of each approver whose right to agree has one, by the name in its normal form."""
    ends = {}
    for approver in factory.approvers:
        if approver.until is not None:
            ends[normal_name(approver.name)] = approver.until
    return ends


def signed_waivers(factory: AIFactory) -> tuple[Waiver, ...]:
    """Return the waivers that their approvers signed, as they are signed."""
    return tuple(waiver for waiver in factory.waivers if not explain_waiver_refusal(factory, waiver))


def approved_waivers(factory: AIFactory) -> tuple[Waiver, ...]:
    """Return the waivers that their approvers signed, as they count; no other waiver counts anywhere."""
    return tuple(as_counted(factory, waiver) for waiver in signed_waivers(factory))


def unapproved_waivers(factory: AIFactory) -> Iterator[tuple[int, Waiver, str]]:
    """Yield number, waiver and reason for each waiver that is not approved."""
    for number, waiver in enumerate(factory.waivers):
        reason = explain_waiver_refusal(factory, waiver)
        if reason:
            yield number, waiver, reason


def access_payload(facts: Mapping[str, Any]) -> bytes:
    """Return what the approver of break-glass access signs."""
    return orjson.dumps(dict(facts), option=orjson.OPT_SORT_KEYS)
