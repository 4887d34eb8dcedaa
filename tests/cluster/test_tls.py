from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from sovereign_ai.cluster.pki import Leaf, authority, issue
from sovereign_ai.cluster.tls import load_files, load_pair, trusting
from sovereign_ai.errors import EnvironmentLacksError
from tests.hostile.special import SPECIAL


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    issue(authority(tmp_path, "ca"), tmp_path, Leaf("one", "one", client=True))
    return tmp_path


def test_a_context_trusts_the_authority_of_its_file_alone(pki: Path) -> None:
    tls = trusting(pki / "ca.crt")
    load_files(tls, pki / "one.crt", pki / "one.key")
    assert len(tls.get_ca_certs()) == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_file_without_a_certificate_is_not_taken_for_the_authorities_of_the_system(
    pki: Path, content: bytes
) -> None:
    (pki / "ca.crt").write_bytes(content)
    with pytest.raises(ssl.SSLError):
        trusting(pki / "ca.crt")


@pytest.mark.parametrize("name", sorted(SPECIAL.keys() - {"unreadable"}))
@pytest.mark.parametrize("file", ["ca.crt", "one.crt", "one.key"])
def test_what_is_no_regular_file_is_a_problem_with_its_path(pki: Path, file: str, name: str) -> None:
    (pki / file).unlink()
    SPECIAL[name](pki / file)
    with pytest.raises(EnvironmentLacksError, match=file):
        load_files(trusting(pki / "ca.crt"), pki / "one.crt", pki / "one.key")


def test_a_link_to_another_key_is_not_followed(pki: Path) -> None:
    (pki / "one.key").rename(pki / "other.key")
    (pki / "one.key").symlink_to("other.key")
    with pytest.raises(EnvironmentLacksError, match="it is a link"):
        load_files(trusting(pki / "ca.crt"), pki / "one.crt", pki / "one.key")


def test_no_descriptor_stays_open(pki: Path) -> None:
    # With the one of `iterdir` itself, at both times.
    before = len(list(Path("/proc/self/fd").iterdir()))
    load_pair(trusting(pki / "ca.crt"), (pki / "one.crt").read_bytes(), (pki / "one.key").read_bytes())
    assert len(list(Path("/proc/self/fd").iterdir())) == before
