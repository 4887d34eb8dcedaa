"""Every reader of keys goes through one function, and refuses what that function refuses.

The table of readers is compared with the package itself: a new reader must be entered, and then meets every
weak key; a module that loads a key by itself is found.
"""

from __future__ import annotations

import ast
import base64
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from pydantic import TypeAdapter, ValidationError

from sovereign_ai import key_material
from sovereign_ai.attest import chain, timestamp
from sovereign_ai.attest import signing as signing_module
from sovereign_ai.attest.hardware_key import HardwareKey
from sovereign_ai.attest.key_handover import handover, handover_file
from sovereign_ai.attest.signing import key_id
from sovereign_ai.cluster import pki
from sovereign_ai.cluster.api.credentials import describe_credentials
from sovereign_ai.cluster.keys import ModuleError
from sovereign_ai.errors import SovereignError
from sovereign_ai.key_material import RefusedKeyError
from sovereign_ai.render.hosts.site_facts import PackageKey, PublicKey
from sovereign_ai.rules import approval, image_signatures
from sovereign_ai.spec import signature_files
from sovereign_ai.spec.images import ImageSignature, Signer
from tests.attest.granted import NOW
from tests.attest.test_key_handover import run
from tests.spec.refusals import refusals
from tests.support.weak_keys import (
    FORGED,
    GOOD,
    NEUTRAL,
    WEAK_POINTS,
    key_of_point,
    other_spellings,
    pem_of,
    text_of,
)

PACKAGE = Path(key_material.__file__).parent
READING = {
    "certificates_in",
    "ed25519_key",
    "ed25519_point",
    "judge_key",
    "openpgp_key",
    "private_key_in",
    "public_key",
    "public_key_in",
    "public_key_text",
    "ssh_key",
}
LOADING = {"from_public_bytes", "from_private_bytes", "from_encoded_point", "a2b_base64"}
NOT_KEYS = {
    "cluster/api/credentials.py": {"urlsafe_b64decode", "b64decode"},
    "cluster/api/kubeconfig.py": {"b64decode"},
    "deploy/state/key.py": {"b64decode"},
}
"""Files that decode what signs nothing: a kubeconfig, which kubectl must read alike, a token's end, and the
salt of a state, whose decryption shows whether the key is its own.
"""
OWNER = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = ed25519.Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)


def _modules(*words: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield each module in which one of some words stands anywhere."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name, text = str(path.relative_to(PACKAGE)), path.read_text(encoding="utf-8")
        if name != "key_material.py" and any(word in text for word in words):
            yield name, ast.parse(text)


def _named(tree: ast.AST) -> Iterator[str]:
    """Yield every name that a part of a program uses or imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            # As `getattr` would name it.
            yield node.value


def _loads(name: str) -> bool:
    cryptographic = name.startswith(("load_pem", "load_der", "load_ssh", "load_pkcs"))
    return cryptographic or name in LOADING or name.endswith("b64decode")


def test_no_other_module_loads_a_key_or_decodes_what_is_signed() -> None:
    found: dict[str, set[str]] = {}
    for name, tree in _modules("load_", "b64decode", *LOADING):
        loads = {used for used in _named(tree) if _loads(used)}
        if loads:
            found[name] = loads
    assert found == NOT_KEYS


@pytest.mark.parametrize(
    "text",
    [
        "from base64 import b64decode",
        "import base64\nbase64.b64decode(x)",
        "from base64 import urlsafe_b64decode as u",
        "getattr(base64, 'standard_b64decode')(x)",
        "serialization.load_pem_public_key(x)",
        "from cryptography.hazmat.primitives.serialization import load_der_public_key",
        "x509.load_pem_x509_certificate(x)",
        "Ed25519PublicKey.from_public_bytes(x)",
        "Ed25519PrivateKey.from_private_bytes(x)",
        "ec.EllipticCurvePublicKey.from_encoded_point(c, x)",
        "serialization.pkcs12.load_pkcs12(x, None)",
        "binascii.a2b_base64(x)",
    ],
)
def test_the_search_finds_each_way_to_load_a_key(text: str) -> None:
    assert any(map(_loads, _named(ast.parse(text))))


def _callers() -> set[str]:
    """Return each function of the package that reads a key, as `file:function`."""
    found = set()
    for name, tree in _modules("key_material"):
        imported: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "sovereign_ai.key_material":
                assert not any(alias.asname for alias in node.names), name
                imported |= {alias.name for alias in node.names} & READING
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and imported & set(_named(node)):
                found.add(f"{name}:{node.name}")
    return found


def test_every_function_that_reads_a_key_is_in_the_table() -> None:
    functions = {
        node.name
        for node in ast.parse(Path(key_material.__file__).read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    public = {name for name in functions if not name.startswith("_")}
    assert public - READING == {"exact_base64"}
    assert _callers() == {*POINTS, *KEYS_OF_CERTIFICATES, *PRIVATE, *OPENPGP}


Reader = Callable[[bytes, Path], object]
"""Takes a point, and a folder of its own."""


def _fits(problems: list[Any]) -> None:
    if problems:
        raise RefusedKeyError(str(problems))


def _public_key_file(point: bytes, folder: Path) -> None:
    file = folder / "public.pem"
    file.write_bytes(pem_of(text_of(point)))
    signing_module.public_key(file)


def _handed_over(point: bytes, folder: Path) -> None:
    """Hand a log over to a point: the old key signs, and for the new one anybody who can."""
    log = folder / "lab.jsonl"
    run(log, OWNER)
    new = key_of_point(point)
    head = chain.head(log)
    said = handover(OWNER.public_key(), new, factory="lab", until=None, at=NOW, log=head)
    envelope = _signed_by_both(said, OWNER)
    path = handover_file(log, int(head["entries"]), key_id(new))
    chain.append_with_statement(path, log, envelope, OWNER, at=NOW.isoformat())
    _fits(chain.verify(log, OWNER.public_key()))


def _signed_by_both(said: dict[str, Any], old: ed25519.Ed25519PrivateKey) -> dict[str, Any]:
    """Return an envelope by the old key, the good one, and whoever knows the weakness of a weak one."""
    from sovereign_ai.attest.evidence import sign_statement

    envelope = sign_statement(said, old, OTHER)
    envelope["signatures"].append({"keyid": "", "sig": base64.b64encode(FORGED).decode()})
    return envelope


def _module_of(point: bytes, _folder: Path) -> None:
    module = HardwareKey.__new__(HardwareKey)
    module._pkcs11 = SimpleNamespace(Attribute=SimpleNamespace(EC_POINT=1))
    for held in (point, b"\x04\x20" + point):
        module._point({1: held})


def _approved(point: bytes, _folder: Path) -> None:
    payload = b"what was agreed"
    signature = FORGED
    if point == OTHER.public_key().public_bytes_raw():
        signature = OTHER.sign(approval.pae(approval.WAIVER_TYPE, payload))
    text = f"{text_of(point)}:{base64.b64encode(signature).decode()}"
    if not approval.is_signed(text, approval.WAIVER_TYPE, payload):
        raise RefusedKeyError


def _image_signed(point: bytes, _folder: Path) -> None:
    signature = FORGED
    if point == OTHER.public_key().public_bytes_raw():
        signature = OTHER.sign(b"payload")
    texts = {
        "content": base64.b64encode(b"payload").decode(),
        "signature": base64.b64encode(signature).decode(),
    }
    entry = ImageSignature(file="x", form="simple-signing", **texts)
    if not image_signatures._is_made_by(text_of(point), entry):
        raise RefusedKeyError


def _signer_file(point: bytes, folder: Path) -> None:
    file = folder / "cosign.pub"
    file.write_bytes(pem_of(text_of(point)))
    signature_files._key_text(file)


def _ssh(point: bytes, _folder: Path) -> None:
    for kind, more in (("ssh-ed25519", b""), ("sk-ssh-ed25519@openssh.com", b"\0\0\0\4ssh:")):
        blob = b"".join(len(part).to_bytes(4) + part for part in (kind.encode(), point)) + more
        TypeAdapter(PublicKey).validate_python(f"{kind} {base64.b64encode(blob).decode()} me")


POINTS: dict[str, Reader] = {
    "attest/signing.py:public_key": _public_key_file,
    "attest/key_handover.py:_step": _handed_over,
    "attest/hardware_key.py:_point": _module_of,
    "rules/approval.py:is_signed": _approved,
    "rules/image_signatures.py:_is_made_by": _image_signed,
    "spec/images.py:_require_key": lambda point, _: Signer(name="one", key=text_of(point)),  # type: ignore[dict-item]
    "spec/signature_files.py:_key_text": _signer_file,
    "spec/checks/waivers.py:check_approvers": lambda point, _: _fits(
        refusals(approvers=[{"name": "one", "key": text_of(point)}])
    ),
    "render/hosts/site_facts.py:_admin_key": _ssh,
}
"""Readers of public keys; each takes a point and a folder."""
REFUSALS = (SovereignError, RefusedKeyError, ValidationError, ModuleError)


@pytest.mark.parametrize("reader", POINTS)
def test_each_reader_refuses_each_weak_point_and_takes_a_good_one(reader: str, tmp_path: Path) -> None:
    taken = []
    for number, (name, point) in enumerate(WEAK_POINTS.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        with suppress(*REFUSALS):
            POINTS[reader](point, folder)
            taken.append(name)
    assert taken == []
    folder = tmp_path / "good"
    folder.mkdir()
    POINTS[reader](OTHER.public_key().public_bytes_raw(), folder)


TEXTS: dict[str, Callable[[str, Path], object]] = {
    "public_key": lambda text, _: key_material.public_key(text),
    "ed25519_key": lambda text, _: key_material.ed25519_key(text),
    "a file for --key": lambda text, folder: _text_in_file(text, folder, signing_module.public_key),
    "a signer's file": lambda text, folder: _text_in_file(text, folder, signature_files._key_text),
    "a signer": lambda text, _: Signer(name="one", key=text),
    "an approver": lambda text, _: _fits(refusals(approvers=[{"name": "one", "key": text}])),
}


def _text_in_file(text: str, folder: Path, read: Callable[[Path], object]) -> None:
    file = folder / "key.pem"
    file.write_bytes(pem_of(text))
    read(file)


@pytest.mark.parametrize("reader", TEXTS)
@pytest.mark.parametrize("spelling", other_spellings())
def test_a_key_has_one_spelling(reader: str, spelling: str, tmp_path: Path) -> None:
    with pytest.raises(REFUSALS):
        TEXTS[reader](other_spellings()[spelling], tmp_path)
    TEXTS[reader](text_of(GOOD.public_bytes_raw()), tmp_path)


def certificate_of(public: Any) -> bytes:
    """Return a certificate about a key that somebody else signed, in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "one")])
    begins = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(public)
    builder = builder.serial_number(1).not_valid_before(begins).not_valid_after(begins + timedelta(days=900))
    return builder.sign(CA.key, hashes.SHA256()).public_bytes(Encoding.PEM)


@cache
def weak_rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - shown to be refused


CA = SimpleNamespace(key=ec.generate_private_key(ec.SECP256R1()))
WEAK_KEYS: dict[str, Callable[[], Any]] = {
    "RSA of 1024 bits": lambda: weak_rsa().public_key(),
    "P-224": lambda: ec.generate_private_key(ec.SECP224R1()).public_key(),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()).public_key(),
    "DSA": lambda: dsa.generate_private_key(1024).public_key(),  # noqa: S505 - shown to be refused
    "the neutral point": lambda: key_of_point(NEUTRAL),
    "no point": lambda: key_of_point(bytes([2]) + bytes(31)),
}


def _authorities(pem: bytes, folder: Path) -> None:
    file = folder / "tsa.pem"
    file.write_bytes(pem)
    timestamp.read_authorities(file)


def _stamp_signer(pem: bytes, _folder: Path) -> None:
    """Check a signature by the key of a certificate; only what is said of the key counts here."""
    from tests.attest.test_timestamp import SIGNER, token

    data = timestamp._signed_data(token(SIGNER))
    [signer] = data.signers.as_list()
    certificate = x509.load_pem_x509_certificate(pem)
    original = timestamp._check_bound
    timestamp._check_bound = lambda *_: None
    try:
        timestamp._check_signature(signer, certificate, data.content.content)
    except timestamp.StampError as error:
        if "may not be trusted" in str(error):
            raise RefusedKeyError from None
    finally:
        timestamp._check_bound = original


CERTIFIED = ec.generate_private_key(ec.SECP256R1())
"""The key of a good certificate, which a plane keeps beside it."""


def _kept(pem: bytes, folder: Path) -> None:
    (folder / "cluster-ca.key").write_bytes(pem_of_private(CERTIFIED))
    (folder / "cluster-ca.crt").write_bytes(pem)
    try:
        pki.authority(folder, "cluster-ca")
    except SovereignError as error:
        # What is compared with the key beside it was taken before that.
        if "the key beside it" not in str(error):
            raise


def _issued_by(pem: bytes, _folder: Path) -> None:
    issuer = x509.load_pem_x509_certificate(certificate_of(CA.key.public_key()))
    if not pki._is_good(pem, pem_of_private(CERTIFIED), pki.Authority(issuer, CA.key)):
        raise RefusedKeyError


def _described(pem: bytes, folder: Path) -> None:
    user = {"client-certificate-data": base64.b64encode(pem).decode()}
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": user}],
    }
    file = folder / "kubeconfig"
    file.write_bytes(orjson.dumps(config))
    if "cannot be read" in describe_credentials(file):
        raise RefusedKeyError


KEYS_OF_CERTIFICATES: dict[str, Callable[[bytes, Path], None]] = {
    "attest/timestamp.py:read_authorities": _authorities,
    "attest/timestamp.py:_check_signature": _stamp_signer,
    "cluster/pki.py:_kept_authority": _kept,
    "cluster/pki.py:_is_good": _issued_by,
    "cluster/api/credentials.py:_certificate": _described,
}
"""Readers of certificates; each takes one in PEM and a folder."""
_OF_THE_OWNER = "cluster/api/credentials.py:_certificate"
"""Describes the owner's own credentials, which a kubelet keeps in one file with the key."""


@pytest.mark.parametrize("reader", KEYS_OF_CERTIFICATES)
@pytest.mark.filterwarnings("ignore")
def test_each_reader_of_certificates_refuses_weak_keys_and_takes_good_ones(
    reader: str, tmp_path: Path
) -> None:
    taken = []
    for number, (name, made) in enumerate(WEAK_KEYS.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        with suppress(*REFUSALS):
            KEYS_OF_CERTIFICATES[reader](certificate_of(made()), folder)
            taken.append(name)
    assert taken == []
    folder = tmp_path / "good"
    folder.mkdir()
    KEYS_OF_CERTIFICATES[reader](certificate_of(CERTIFIED.public_key()), folder)


def pem_of_private(key: Any, password: bytes | None = None) -> bytes:
    encryption: Any = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password)
    whole: bytes = key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return whole


BAD_PRIVATE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no text": lambda: b"\xff\xfe\x00",
    "a public key": lambda: OWNER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "a key behind another": lambda: pem_of_private(OWNER) + pem_of_private(OTHER),
    "its public key behind it": lambda: (
        pem_of_private(OWNER)
        + OWNER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    ),
    "an encrypted one": lambda: pem_of_private(OWNER, b"word"),
    "half of one": lambda: pem_of_private(OWNER)[:60],
    "a weak RSA key": lambda: pem_of_private(weak_rsa()),
    "X25519, which signs nothing": lambda: pem_of_private(x25519.X25519PrivateKey.generate()),
    "DER": lambda: OWNER.private_bytes(
        Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ),
}


def _private_file(raw: bytes, folder: Path) -> None:
    file = folder / "key.pem"
    file.write_bytes(raw)
    file.chmod(0o600)
    signing_module.private_key(file)


def _key_of_tokens(raw: bytes, folder: Path) -> None:
    (folder / "sa.key").write_bytes(raw)
    # It signs by another curve than the owner's key, which it so refuses after it was read.
    try:
        pki.signing_key(folder, "sa")
    except SovereignError as error:
        if raw != pem_of_private(OWNER) or "another kind" not in str(error):
            raise


PRIVATE: dict[str, Callable[[bytes, Path], None]] = {
    "attest/signing.py:private_key": _private_file,
    "cluster/pki.py:_kept_signing_key": _key_of_tokens,
}
"""Readers of private keys; `_kept_authority` is one, too, and has a test of its own below."""


@pytest.mark.parametrize("bad", BAD_PRIVATE)
@pytest.mark.filterwarnings("ignore")
def test_no_private_key_is_taken_that_is_not_the_only_one_of_its_file(bad: str, tmp_path: Path) -> None:
    for reader in PRIVATE.values():
        with pytest.raises(SovereignError) as caught:
            reader(BAD_PRIVATE[bad](), tmp_path)
        [problem] = caught.value.problems
        assert problem.hint
        reader(pem_of_private(OWNER), tmp_path)


def test_a_damaged_authority_of_a_plane_is_named_with_what_to_do(tmp_path: Path) -> None:
    pki.authority(tmp_path, "cluster-ca")
    for name in ("cluster-ca.key", "cluster-ca.crt"):
        kept = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(kept[:40])
        with pytest.raises(SovereignError) as caught:
            pki.authority(tmp_path, "cluster-ca")
        [problem] = caught.value.problems
        assert (problem.code, Path(problem.where.file or "").name) == ("bad-authority", name)
        assert "cluster down" in problem.hint
        (tmp_path / name).write_bytes(kept)
    pki.authority(tmp_path, "cluster-ca")


@pytest.mark.parametrize("raw", [b"", b"a", b"ab", b"abc", bytes(range(256))])
def test_the_spelling_that_base64_writes_is_read(raw: bytes) -> None:
    assert key_material.exact_base64(base64.b64encode(raw).decode()) == raw


@pytest.mark.parametrize(
    "text", ["aGl=", "aGk", "aGk==", " aGk=", "aGk=\n", "a_k=", "\u0410Gk=", None, 1, b"aGk="]
)
def test_another_text_for_the_same_bytes_is_refused(text: object) -> None:
    with pytest.raises(RefusedKeyError):
        key_material.exact_base64(text)


@pytest.mark.parametrize("bits", [2048, 3072])
def test_rsa_keys_of_today_may_open_hosts(bits: int) -> None:
    public = rsa.generate_private_key(65537, bits).public_key()
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    TypeAdapter(PublicKey).validate_python(f"{line} me")


@pytest.mark.parametrize(
    "line",
    [
        weak_rsa().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
        "ssh-ed25519 AAAA",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPAAAA",
    ],
)
def test_a_weak_or_malformed_key_opens_no_host(line: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(PublicKey).validate_python(line)


def packet(tag: int, content: bytes, form: str = "new") -> bytes:
    """Return an OpenPGP packet (RFC 9580, 4.2), in one of the ways to write its length."""
    size, kind = len(content), OLD_FORMS.get(form)
    if kind is not None:
        # The older form has four bits for the kind of a packet.
        width = (1, 2, 4, 0)[kind]
        return bytes([0x80 | tag << 2 | kind]) + (size.to_bytes(width, "big") if width else b"") + content
    first = bytes([0xC0 | tag])
    if form == "new, in parts":
        return first + b"\xe0" + content[:1] + bytes([size - 1]) + content[1:]
    if form == "new, in four octets":
        return first + b"\xff" + size.to_bytes(4, "big") + content
    if size < 192:
        return first + bytes([size]) + content
    return first + bytes([(size - 192 >> 8) + 192, (size - 192) & 0xFF]) + content


OLD_FORMS = {"old": 0, "old, in two octets": 1, "old, in four octets": 2, "old, to the end": 3}


def _package_key(octets: bytes) -> None:
    TypeAdapter(PackageKey).validate_python(base64.b64encode(octets).decode())


OPENPGP: dict[str, Callable[[bytes], None]] = {"render/hosts/site_facts.py:_package_key": _package_key}
"""Readers of OpenPGP public keys; each takes one in octets."""
FORMS = ("new", "new, in four octets", "old", "old, in two octets", "old, in four octets")
PUBLIC = packet(6, bytes(80)) + packet(13, b"archive.example") + packet(2, bytes(90))
BEHIND = {
    "a secret key": packet(5, bytes(120)),
    "a secret subkey": packet(7, bytes(120)),
    "a secret subkey behind a public one": packet(14, bytes(80)) + packet(7, bytes(120)),
    "a secret key of 200 octets": packet(5, bytes(200)),
    "a secret key without an end": packet(5, bytes(120), "old, to the end"),
    "a secret key in parts": packet(5, bytes(120), "new, in parts"),
    "compressed data": packet(8, bytes(120)),
    "a message": packet(11, bytes(120)),
    "a kind that nobody knows": packet(60, bytes(120)),
    "kind 0": packet(0, bytes(120)),
    "half a packet": packet(14, bytes(80))[:40],
    "the beginning of a packet": b"\xc6",
    "what is no packet": b"\n",
} | {f"a secret key, {form}": packet(5, bytes(120), form) for form in FORMS}
"""What may not stand behind a public key."""


@pytest.mark.parametrize("name", BEHIND)
@pytest.mark.parametrize("reader", OPENPGP)
def test_a_file_of_a_public_key_holds_no_secret_one_and_nothing_else(reader: str, name: str) -> None:
    OPENPGP[reader](PUBLIC)
    for octets in (PUBLIC + BEHIND[name], BEHIND[name] + PUBLIC, PUBLIC + BEHIND[name] + PUBLIC):
        with pytest.raises(ValidationError):
            OPENPGP[reader](octets)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reader", OPENPGP)
def test_a_public_key_is_read_however_its_lengths_are_written(reader: str, form: str) -> None:
    parts = [(6, 80), (13, 20), (2, 90), (14, 80), (2, 90)]
    if form not in OLD_FORMS:
        parts.append((17, 90))
    if form != "old":
        parts.append((2, 1000))
    OPENPGP[reader](b"".join(packet(tag, bytes(size), form) for tag, size in parts))


@pytest.mark.parametrize("reader", sorted({*KEYS_OF_CERTIFICATES} - {_OF_THE_OWNER}))
def test_a_file_of_certificates_holds_no_private_key(reader: str, tmp_path: Path) -> None:
    private = CERTIFIED
    certificate = certificate_of(private.public_key())
    KEYS_OF_CERTIFICATES[reader](certificate, tmp_path)
    for pem in (certificate + pem_of_private(private), pem_of_private(private) + certificate):
        if reader == "attest/timestamp.py:_check_signature":
            # It is given one certificate, out of a token.
            continue
        with pytest.raises(REFUSALS):
            KEYS_OF_CERTIFICATES[reader](pem, tmp_path)


@pytest.mark.parametrize("last", ["=", "==", ""])
def test_a_package_key_has_one_spelling(last: str) -> None:
    # The first packet of an OpenPGP public key, of 60 bytes, so that its text has no padding.
    text = base64.b64encode(packet(6, bytes(58))).decode()
    if last:
        with pytest.raises(ValidationError):
            TypeAdapter(PackageKey).validate_python(text + last)
    else:
        TypeAdapter(PackageKey).validate_python(text)
