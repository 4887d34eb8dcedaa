from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.attest.key_uri import MODULE, PIN_FILE, KeyUri, is_key_uri, parse_key_uri
from sovereign_ai.errors import UsageError

QUERY = "?module-path=/usr/lib/hsm.so&pin-source=/etc/pin"
ENVIRONMENT = {MODULE: "/opt/hsm.so", PIN_FILE: "/run/pin"}


def test_a_uri_names_token_key_module_and_the_file_of_the_pin() -> None:
    read = parse_key_uri(f"pkcs11:token=my%20lab;object=evidence;id=%01%ff;type=private{QUERY}", {})
    assert read == KeyUri("my lab", "evidence", b"\x01\xff", Path("/usr/lib/hsm.so"), Path("/etc/pin"))


def test_what_the_uri_leaves_out_is_taken_from_the_environment_and_the_uri_comes_first() -> None:
    read = parse_key_uri("pkcs11:token=lab;id=%01", ENVIRONMENT)
    assert (read.module, read.pin_file) == (Path("/opt/hsm.so"), Path("/run/pin"))
    assert parse_key_uri(f"pkcs11:token=lab;id=%01{QUERY}", ENVIRONMENT).module == Path("/usr/lib/hsm.so")


@pytest.mark.parametrize("source", ["/etc/pin", "file:/etc/pin", "file:///etc/pin", "file:%2Fetc%2Fpin"])
def test_the_file_of_the_pin_may_be_a_path_or_a_file_uri(source: str) -> None:
    text = f"pkcs11:token=lab;object=a?module-path=/a.so&pin-source={source}"
    # Commands take it as a path, which loses double slashes.
    for written in (text, str(Path(text))):
        assert parse_key_uri(written, {}).pin_file == Path("/etc/pin")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"pkcs11:object=a{QUERY}", "token: the label of the token is missing"),
        (f"pkcs11:token=lab{QUERY}", "object: neither the label"),
        ("pkcs11:token=lab;object=a?pin-source=/p", "module-path: the module's absolute path"),
        (
            "pkcs11:token=lab;object=a?module-path=a.so&pin-source=/p",
            "module-path: the module's absolute path",
        ),
        ("pkcs11:token=lab;object=a?module-path=/a.so", "pin-source: the absolute path"),
        ("pkcs11:token=lab;object=a?module-path=/a.so&pin-source=p", "pin-source: the absolute path"),
        (f"pkcs11:token=lab;object=a{QUERY}&pin-value=wxyz", "pin-value: every account can read"),
        (f"pkcs11:token=lab;object=a;slot-id=1{QUERY}", "'slot-id' is no attribute"),
        (f"pkcs11:token=lab;objcet=wxyz{QUERY}", "did you mean 'object'"),
        (f"pkcs11:token=lab;object=a;object=b{QUERY}", "object: it is without a value, or there twice"),
        (f"pkcs11:token=lab;object{QUERY}", "object: it is without a value"),
        (f"pkcs11:token=%zz;object=a{QUERY}", "token: it is no text in percent-encoding"),
        (f"pkcs11:token=%ff;object=a{QUERY}", "token: it is no text in percent-encoding"),
        (f"pkcs11:token=%1b[31m;object=a{QUERY}", "token: it is no text in percent-encoding"),
        (f"pkcs11:token=lab;object=a;type=cert{QUERY}", "type: a signing key is"),
        (f"pkcs11:token={'a' * 5_000}", "more than 4,096 characters"),
        ("pkcs11:", "token: the label of the token is missing"),
    ],
)
def test_another_uri_is_refused_with_its_reason_and_without_its_values(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match="bad-key-uri") as caught:
        parse_key_uri(text, {})
    assert reason in str(caught.value)
    assert "wxyz" not in str(caught.value)


def test_all_problems_of_a_uri_come_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        parse_key_uri("pkcs11:x=1?y=2", {})
    assert len(caught.value.problems) == 6


def test_only_the_scheme_makes_a_uri_of_a_path() -> None:
    assert is_key_uri(Path("pkcs11:token=a"))
    assert is_key_uri(Path("PKCS11:token=a"))
    assert not is_key_uri(Path("pkcs11.pem"))
    assert not is_key_uri(Path("./pkcs11:token=a").absolute())
