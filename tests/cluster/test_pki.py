from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sovereign_ai.cluster import pki
from sovereign_ai.cluster.identities import make_identities
from sovereign_ai.cluster.pki import Leaf, authority, issue, sign, signing_key
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.files.writing import write_private
from sovereign_ai.names import ADMIN_GROUP

AUTHORITIES = ("cluster-ca", "etcd-ca", "front-proxy-ca")


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> ClusterDir:
    place = ClusterDir("lab", tmp_path_factory.mktemp("state") / "lab")
    place.make()
    make_identities(place, 20001)
    return place


def certificates(where: ClusterDir) -> dict[str, x509.Certificate]:
    return {path.stem: x509.load_pem_x509_certificate(path.read_bytes()) for path in where.pki.glob("*.crt")}


def test_every_certificate_and_the_service_accounts_have_a_key_of_their_own(where: ClusterDir):
    keys = list(where.pki.glob("*.key"))
    public = set()
    for path in keys:
        key = load_pem_private_key(path.read_bytes(), None)
        public.add(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    assert len(keys) == len(certificates(where)) + 1
    assert len(public) == len(keys)


def is_signed(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def test_no_authority_vouches_for_another_one_s_leaves(where: ClusterDir):
    found = certificates(where)
    for name, certificate in found.items():
        signers = [ca for ca in AUTHORITIES if is_signed(certificate, found[ca])]
        by_prefix = {"etcd": "etcd-ca", "front": "front-proxy-ca"}
        assert signers == [
            name if name in AUTHORITIES else by_prefix.get(name.split("-")[0], "cluster-ca")
        ], name


def test_listeners_are_named_for_loopback_alone_and_clients_for_nothing(where: ClusterDir):
    for name, certificate in certificates(where).items():
        if name in AUTHORITIES:
            continue
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        try:
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH], name
            continue
        assert ExtendedKeyUsageOID.SERVER_AUTH in uses
        assert names.get_values_for_type(x509.DNSName) == ["localhost"]
        assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]


def test_nobody_on_disk_is_a_master_and_the_administrator_is_in_our_group(where: ClusterDir):
    groups = {
        name: [
            attribute.value
            for attribute in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        ]
        for name, certificate in certificates(where).items()
    }
    assert groups.pop("admin") == [ADMIN_GROUP]
    assert not any(groups.values())


def test_every_identity_is_another_user(where: ClusterDir):
    users = [
        certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        for name, certificate in certificates(where).items()
        if name
        in {"admin", "supervisor", "kwok", "kube-controller-manager", "kube-scheduler", "kubelet-client"}
    ]
    assert len(set(users)) == len(users) == 6
    assert {"system:kube-controller-manager", "system:kube-scheduler"} <= set(users)


def test_files_are_the_owner_s_alone(where: ClusterDir):
    for path in [where.folder, *where.folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_authorities_cannot_make_further_authorities(where: ClusterDir):
    for name in AUTHORITIES:
        constraints = certificates(where)[name].extensions.get_extension_for_class(x509.BasicConstraints)
        assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)


def test_a_second_run_keeps_what_is_good(where: ClusterDir):
    before = {path: path.read_bytes() for path in where.pki.iterdir()}
    make_identities(where, 20001)
    assert {path: path.read_bytes() for path in where.pki.iterdir()} == before


def test_a_certificate_that_ends_soon_is_issued_anew(tmp_path: Path):
    ca, leaf = authority(tmp_path, "ca"), Leaf("one", "someone", client=True)
    short = sign(ca, leaf, timedelta(days=5))
    write_private(tmp_path / "one.crt", short.certificate)
    write_private(tmp_path / "one.key", short.key)
    issue(ca, tmp_path, leaf)
    assert (tmp_path / "one.crt").read_bytes() != short.certificate


def test_a_certificate_of_another_authority_is_issued_anew(tmp_path: Path):
    leaf = Leaf("one", "someone", client=True)
    issue(authority(tmp_path, "old"), tmp_path, leaf)
    before = (tmp_path / "one.crt").read_bytes()
    issue(authority(tmp_path, "new"), tmp_path, leaf)
    assert (tmp_path / "one.crt").read_bytes() != before


Change = Callable[[Path, Path], object]
"""Changes a private file and the one that goes with it."""


def halves(folder: Path, name: str, public: str) -> tuple[bytes, bytes]:
    """Return the public key of a key's file, and that of the file that goes with it."""
    key = load_pem_private_key((folder / f"{name}.key").read_bytes(), None).public_key()
    raw = (folder / f"{name}.{public}").read_bytes()
    other = load_pem_public_key(raw) if public == "pub" else x509.load_pem_x509_certificate(raw).public_key()
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.public_bytes(*form), other.public_bytes(*form)


def _another_key(path: Path) -> None:
    """Put a new key in place, as a run does that is killed before it writes what goes with it."""
    signing_key(path.parent.parent, "another")
    path.write_bytes((path.parent.parent / "another.key").read_bytes())


PUBLIC_HALVES: dict[str, Change] = {
    "as they were written": lambda _key, _public: None,
    "the public one missing": lambda _key, public: public.unlink(),
    "the public one empty": lambda _key, public: public.write_bytes(b""),
    "the public one half written": lambda _key, public: public.write_bytes(public.read_bytes()[:60]),
    "the key replaced": lambda key, _public: _another_key(key),
}


@pytest.mark.parametrize("change", PUBLIC_HALVES)
def test_the_key_of_tokens_stays_and_its_public_half_follows_from_it(change: str, tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    folder.mkdir()
    signing_key(folder, "sa")
    PUBLIC_HALVES[change](folder / "sa.key", folder / "sa.pub")
    before = (folder / "sa.key").read_bytes()
    signing_key(folder, "sa")
    assert (folder / "sa.key").read_bytes() == before
    key, public = halves(folder, "sa", "pub")
    assert key == public


def _of_another_kind(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


DAMAGED: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "half written": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "of another kind": _of_another_kind,
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a link to a copy": lambda path: (path.rename(path.with_name("copy")), path.symlink_to("copy")),
    "a link to nowhere": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_key_of_tokens_is_named_with_what_to_do_and_never_replaced(
    damage: str, tmp_path: Path
) -> None:
    signing_key(tmp_path, "sa")
    DAMAGED[damage](tmp_path / "sa.key")
    before = os.lstat(tmp_path / "sa.key").st_ino
    with pytest.raises(EnvironmentLacksError) as caught:
        signing_key(tmp_path, "sa")
    [problem] = caught.value.problems
    assert problem.hint
    assert os.lstat(tmp_path / "sa.key").st_ino == before


def test_an_authority_whose_halves_are_of_two_is_refused(tmp_path: Path) -> None:
    for number, ending in enumerate(("key", "crt")):
        folder = tmp_path / str(number) / "pki"
        folder.mkdir(parents=True)
        authority(folder, "ca")
        authority(folder.parent, "other")
        (folder / f"ca.{ending}").write_bytes((folder.parent / f"other.{ending}").read_bytes())
        with pytest.raises(EnvironmentLacksError, match="not the certificate of the key"):
            authority(folder, "ca")


def test_an_authority_that_a_crash_left_without_its_certificate_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority(tmp_path, "ca")
    (tmp_path / "ca.key").unlink()

    def killed(path: Path, data: bytes) -> None:
        write_private(path, data)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pki, "write_private", killed)
        with pytest.raises(KeyboardInterrupt):
            authority(tmp_path, "ca")
    authority(tmp_path, "ca")
    key, certified = halves(tmp_path, "ca", "crt")
    assert key == certified


@pytest.mark.parametrize(
    "damage",
    [_another_key, lambda path: path.write_bytes(path.read_bytes()[:80]), lambda path: path.write_bytes(b"")],
    ids=["another key", "half a key", "no key"],
)
def test_a_certificate_without_its_own_key_is_issued_anew(
    damage: Callable[[Path], object], tmp_path: Path
) -> None:
    folder = tmp_path / "pki"
    folder.mkdir()
    ca, leaf = authority(folder, "ca"), Leaf("one", "someone", client=True)
    issue(ca, folder, leaf)
    damage(folder / "one.key")
    issue(ca, folder, leaf)
    key, certified = halves(folder, "one", "crt")
    assert key == certified
