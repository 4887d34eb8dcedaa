from __future__ import annotations

import pytest

from sovereign_ai.attest.asn1 import (
    SEQUENCE,
    Accuracy,
    Asn1Error,
    Members,
    Nonce,
    decode,
    encoded,
    tlv,
    wrapped,
)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 70_000])
def test_contents_of_any_length_come_back_whole(length: int) -> None:
    member = tlv(b"\x04", bytes(length))
    [value] = decode(Members, tlv(SEQUENCE, tlv(SEQUENCE, member))).members
    assert (encoded(value), bytes(value.data)) == (member, bytes(length))
    assert wrapped(value) == tlv(SEQUENCE, member)


def test_a_length_is_written_in_the_shortest_form() -> None:
    assert (tlv(b"\x04", bytes(127))[:2], tlv(b"\x04", bytes(128))[:3]) == (b"\x04\x7f", b"\x04\x81\x80")


@pytest.mark.parametrize(
    "raw", [b"", b"\x30", b"\x30\x80\x00\x00", b"\x30\x81\x03\x02\x01\x07", b"\x30\x03\x02\x01\x07\x00"]
)
def test_what_is_no_der_is_refused(raw: bytes) -> None:
    with pytest.raises(Asn1Error):
        decode(Nonce, raw)


def test_members_that_are_left_out_are_none() -> None:
    accuracy = decode(Accuracy, bytes.fromhex("3004800201f4"))
    assert (accuracy.seconds, accuracy.milliseconds, accuracy.microseconds) == (None, 500, None)
