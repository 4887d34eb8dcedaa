from __future__ import annotations

import ipaddress
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sovereign_ai.cluster.identities import make_identities
from sovereign_ai.cluster.pki import Leaf, authority, issue, sign
from sovereign_ai.cluster.state import ClusterDir
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
