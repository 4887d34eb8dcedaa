"""Tokens of OpenSSL's authority are accepted, and what somebody made of them or signed wrongly is not."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.asn1 import encode_der
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from sovereign_ai.attest import asn1
from sovereign_ai.attest.timestamp import (
    MOST_TOKEN,
    Request,
    StampError,
    checked_policy,
    read_authorities,
    read_response,
    request_of,
    verify_token,
)
from sovereign_ai.errors import UsageError
from tests.attest.authority import (
    AT,
    KEY_USAGES,
    POLICY,
    SHA1,
    STAMPED,
    Party,
    authority,
    integer,
    issue,
    octets,
    oid,
    sequence,
    stamp_info,
    token,
)

MADE = Path(__file__).with_name("timestamps")
ROOT, OTHER = issue("Example Root", ca=True), issue("Other Root", ca=True)
SIGNER = authority(ROOT)
TRUSTED = [ROOT.certificate]
TIME = ExtendedKeyUsageOID.TIME_STAMPING


def verified(raw: bytes, policy: str = "", trusted: list[x509.Certificate] = TRUSTED) -> Any:
    return verify_token(raw, STAMPED, trusted, policy)


@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("trusted", ["root.pem", "{kind}.pem"])
def test_a_token_that_openssl_made_is_accepted_by_root_or_own_certificate(kind: str, trusted: str) -> None:
    authorities = read_authorities(MADE / trusted.format(kind=kind))
    raw, stamped = (MADE / f"{kind}.tst").read_bytes(), (MADE / "stamped").read_bytes()
    stamp = verify_token(raw, stamped, authorities, POLICY)
    assert (stamp.policy, stamp.serial, stamp.accuracy) == (POLICY, 0x20, timedelta(seconds=1.5))
    assert (stamp.at.year, stamp.authority) == (2026, f"CN=Example Time {kind},O=Example Trust")


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_no_changed_byte_of_a_token_makes_it_state_anything_else(kind: str) -> None:
    authorities = read_authorities(MADE / "root.pem")
    raw, stamped = (MADE / f"{kind}.tst").read_bytes(), (MADE / "stamped").read_bytes()
    honest = verify_token(raw, stamped, authorities)
    refused = 0
    for at in range(0, len(raw), 3):
        changed = raw[:at] + bytes([raw[at] ^ 0x11]) + raw[at + 1 :]
        try:
            # What is not signed, such as the chain beside the certificate, may change; what is stated may
            # not.
            assert verify_token(changed, stamped, authorities) == honest
        except StampError:
            refused += 1
    assert refused > len(raw) / 3 / 2


def test_a_token_of_the_test_authority_is_accepted_so_that_each_refusal_has_its_reason() -> None:
    assert verified(token(SIGNER), POLICY).at == AT


def test_an_authority_below_another_leads_to_the_root() -> None:
    middle = issue("Example Middle", ROOT, ca=True)
    assert verified(token(authority(middle), chain=[middle.certificate])).at == AT
    with pytest.raises(StampError, match="leads to none"):
        verified(token(authority(middle)))


def test_fractions_and_extensions_that_need_not_be_understood_are_accepted() -> None:
    qualified = asn1.tlv(b"\xa1", sequence(oid("1.3.6.1.5.5.7.1.3"), octets(b"\x30\x00")))
    rest = asn1.tlv(b"\x30", integer(2)) + b"\x01\x01\xff" + integer(7) + qualified
    stamp = verified(token(SIGNER, info=stamp_info(at="20261127120000.25Z", rest=rest)))
    assert (stamp.at, stamp.accuracy, stamp.nonce) == (AT + timedelta(seconds=0.25), timedelta(seconds=2), 7)


@pytest.mark.parametrize("seconds", [-1, 86_401, 10**12, 10**15])
def test_an_accuracy_that_is_negative_or_more_than_a_day_is_refused(seconds: int) -> None:
    # 10**12 s fit into a time span, and the end of such a span lies beyond the last day of the calendar.
    rest = asn1.tlv(b"\x30", integer(seconds))
    with pytest.raises(StampError, match=r"accuracy|no time stamp"):
        verified(token(SIGNER, info=stamp_info(rest=rest)))


def test_a_stamp_outlives_the_certificates_that_were_valid_at_its_time() -> None:
    begins, ends = datetime(2019, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
    root = issue("Old Root", ca=True, begins=begins, ends=ends)
    signer = authority(root, begins=begins, ends=ends)
    raw = token(signer, info=stamp_info(at="20200101000000Z"))
    assert verified(raw, trusted=[root.certificate]).at == datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(StampError, match="not valid at its time"):
        verified(token(signer), trusted=[root.certificate])
    # The signer was valid, and its issuer was not.
    with pytest.raises(StampError, match="leads to none"):
        verified(token(authority(root)), trusted=[root.certificate])


def _wrong_issuer(**changes: Any) -> bytes:
    middle = issue("Example Middle", ROOT, **changes)
    return token(authority(middle), chain=[middle.certificate])


def named(party: Party) -> bytes:
    """Return the member of a stamp that names its authority."""
    return asn1.tlv(b"\xa0", asn1.tlv(b"\xa4", party.certificate.subject.public_bytes()))


def test_a_stamp_may_name_its_own_authority() -> None:
    assert verified(token(SIGNER, info=stamp_info(rest=named(SIGNER)))).at == AT


CRITICAL = asn1.tlv(b"\xa1", sequence(oid("1.2.3.4"), b"\x01\x01\xff", octets(b"")))
TAMPERED = {
    "other bytes were stamped": (token(SIGNER, info=stamp_info(b"another signature")), "about other bytes"),
    "the digest is SHA-1": (token(SIGNER, info=stamp_info(algorithm=SHA1)), "not accepted"),
    "the policy is another": (token(SIGNER, info=stamp_info(policy="1.2.3.4")), "under policy 1.2.3.4"),
    "the time was changed": (
        token(SIGNER, info=stamp_info(at="20251127120000Z"), signed_info=stamp_info()),
        "changed after it was signed",
    ),
    "another key signed": (token(SIGNER, key=ec.generate_private_key(ec.SECP256R1())), "does not fit"),
    "another root issued it": (token(authority(OTHER)), "leads to none"),
    "it signed itself": (token(issue("x", purposes=[TIME])), "leads to none"),
    "a false root is in the token": (token(authority(OTHER), chain=[OTHER.certificate]), "leads to none"),
    "it is for servers": (
        token(authority(ROOT, purposes=[ExtendedKeyUsageOID.SERVER_AUTH])),
        "not for time stamps alone",
    ),
    "it is for servers, too": (
        token(authority(ROOT, purposes=[TIME, ExtendedKeyUsageOID.SERVER_AUTH])),
        "not for time stamps alone",
    ),
    "its purpose is not critical": (token(authority(ROOT, critical=False)), "not for time stamps alone"),
    "it has no purpose": (token(authority(ROOT, purposes=[])), "not for time stamps alone"),
    "it had ended": (token(authority(ROOT, ends=AT - timedelta(seconds=1))), "not valid at its time"),
    "it is of a time before its authority": (
        token(SIGNER, info=stamp_info(at="20260101000000Z")),
        "not valid at its time",
    ),
    "its issuer is no authority": (_wrong_issuer(purposes=[TIME]), "leads to none"),
    "its issuer may not sign": (_wrong_issuer(ca=True, key_cert_sign=False), "leads to none"),
    "its issuer had ended": (_wrong_issuer(ca=True, ends=AT - timedelta(days=1)), "leads to none"),
    "it is bound to another certificate": (token(SIGNER, bound=ROOT.certificate), "bound to another"),
    "it is bound to none": (token(SIGNER, without="certificate"), "lacks"),
    "its type is not signed": (token(SIGNER, without="type"), "lacks"),
    "its digest is not signed": (token(SIGNER, without="digest"), "lacks"),
    "its digest is there twice": (token(SIGNER, twice=True), "twice"),
    "two signed it": (token(SIGNER, signers=2), "not exactly one signer"),
    "nobody signed it": (token(SIGNER, signers=0), "not exactly one signer"),
    "it signs something else": (token(SIGNER, kind="1.2.840.113549.1.7.1"), "no time stamp"),
    "it was signed as something else": (token(SIGNER, signed_kind="1.2.840.113549.1.7.1"), "changed after"),
    "its version is another": (token(SIGNER, info=stamp_info(version=2)), "another version"),
    "it must be understood": (token(SIGNER, info=stamp_info(rest=CRITICAL)), "critical extension"),
    "its members are in another order": (
        token(SIGNER, info=stamp_info(rest=integer(7) + asn1.tlv(b"\x30", integer(2)))),
        "not those of a time stamp",
    ),
    "a member is there twice": (
        token(SIGNER, info=stamp_info(rest=integer(7) + integer(8))),
        "not those of a time stamp",
    ),
    "it names another authority": (token(SIGNER, info=stamp_info(rest=named(OTHER))), "names another"),
    "it names its issuer": (token(SIGNER, info=stamp_info(rest=named(ROOT))), "names another"),
    "it names a host": (
        token(SIGNER, info=stamp_info(rest=asn1.tlv(b"\xa0", asn1.tlv(b"\x82", b"time.example")))),
        "names another",
    ),
    "it names nobody": (token(SIGNER, info=stamp_info(rest=asn1.tlv(b"\xa0", b"\x05\x00"))), "names another"),
    "something follows it": (token(SIGNER) + b"\x00", "no token"),
    "it was cut": (token(SIGNER)[:-1], "no token"),
    "it is too large": (token(SIGNER) + bytes(MOST_TOKEN), "more than"),
    "it is nothing": (b"", "no token"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_token_is_refused_if(name: str) -> None:
    raw, reason = TAMPERED[name]
    with pytest.raises(StampError, match=reason):
        verified(raw, POLICY if "policy" in name else "")


PURPOSES = [value for name, value in vars(ExtendedKeyUsageOID).items() if name.isupper()]
"""Every purpose that the package knows."""
_TIMES = {TIME, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


def test_an_authority_for_other_purposes_leads_to_no_time_stamp() -> None:
    assert len(PURPOSES) > 10
    for purpose in PURPOSES:
        middle = issue("Example Middle", ROOT, ca=True, purposes=[purpose])
        root = issue("Example Purpose", ca=True, purposes=[purpose])
        for raw, trusted in (
            (token(authority(middle), chain=[middle.certificate]), ROOT),
            (token(authority(root)), root),
        ):
            if purpose in _TIMES:
                assert verified(raw, trusted=[trusted.certificate]).serial == 31
                continue
            with pytest.raises(StampError, match="leads to none"):
                verified(raw, trusted=[trusted.certificate])


def test_a_key_for_anything_but_signatures_stamps_no_time() -> None:
    # The last two say what an agreement of keys is for, and are nothing by themselves.
    for usage in KEY_USAGES[:-2]:
        signer = authority(ROOT, key_usage=[usage])
        for trusted in (ROOT, signer):
            if usage in {"digital_signature", "content_commitment"}:
                assert verified(token(signer), trusted=[trusted.certificate]).serial == 31
                continue
            with pytest.raises(StampError, match="not for signatures"):
                verified(token(signer), trusted=[trusted.certificate])


VERSION = bytes.fromhex("a003020102"), bytes.fromhex("a003020122")
"""The version of a certificate, and one that does not exist."""


def test_a_certificate_of_an_unknown_version_is_refused_in_a_token_and_as_an_authority(
    tmp_path: Path,
) -> None:
    raw = token(SIGNER).replace(*VERSION)
    assert raw != token(SIGNER)
    with pytest.raises(StampError, match="no token"):
        verified(raw)
    certificate = base64.b64encode(ROOT.certificate.public_bytes(Encoding.DER).replace(*VERSION)).decode()
    file = tmp_path / "tsa.pem"
    file.write_text(f"-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n")
    with pytest.raises(UsageError, match="bad-certificate"):
        read_authorities(file)


def test_without_an_authority_everything_else_is_checked() -> None:
    stranger = token(authority(OTHER))
    assert verified(stranger, trusted=[]).at == AT
    with pytest.raises(StampError):
        verified(token(SIGNER, without="certificate"), trusted=[])


def _answer(status: int, raw: bytes | None, text: str = "") -> bytes:
    info = integer(status) + (sequence(asn1.tlv(b"\x0c", text.encode())) if text else b"")
    return sequence(sequence(info), raw or b"")


def _stamped(nonce: int, signer: Party = SIGNER) -> bytes:
    return token(signer, info=stamp_info(rest=integer(nonce)))


def test_an_answer_is_taken_only_for_the_request_that_it_answers() -> None:
    request = request_of(STAMPED, POLICY)
    raw = _stamped(request.nonce)
    assert read_response(_answer(0, raw), request) == raw
    for answer, reason in (
        (_answer(0, _stamped(request.nonce + 1)), "nonce"),
        (_answer(0, token(SIGNER)), "nonce"),
        (_answer(2, None, "bad \x1b[31mday"), "refused .status 2.: bad"),
        (_answer(2, raw), "refused"),
        (_answer(0, None), "refused .status 0"),
        (b"<html>", "no answer"),
        (b"", "no answer"),
    ):
        with pytest.raises(StampError, match=reason) as caught:
            read_response(answer, request)
        assert "\x1b" not in str(caught.value)
    other = Request(STAMPED, request.nonce, "1.2.3.4")
    with pytest.raises(StampError, match=r"1\.2\.3\.4 was asked for"):
        read_response(_answer(0, raw), other)


def test_a_request_holds_a_fresh_number_and_nothing_but_the_digest() -> None:
    first, second = request_of(STAMPED), request_of(STAMPED)
    assert first.nonce != second.nonce
    assert STAMPED not in first.to_der()
    assert asn1.decode(asn1.Request, first.to_der()).nonce == first.nonce
    assert encode_der(asn1.decode(asn1.Request, first.to_der())) == first.to_der()


@pytest.mark.parametrize("policy", ["x", "1", "1.2.", "9.9.9", "1.2.\x1b"])
def test_a_policy_that_is_no_number_is_refused(policy: str) -> None:
    with pytest.raises(UsageError, match="bad-policy"):
        checked_policy(policy)


def test_a_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tsa.pem"
    file.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for path in (file, MADE / "rsa.tst", tmp_path / "none.pem"):
        with pytest.raises(UsageError, match=r"bad-certificate|no-certificate"):
            read_authorities(path)
