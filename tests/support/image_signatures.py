"""Signatures of images for tests, made by the program `openssl` and written in the forms of `cosign`."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IN_TOTO = "application/vnd.in-toto+json"
SIGN = "https://sigstore.dev/cosign/sign/v1"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def openssl(*words: str, given: bytes = b"") -> bytes:
    """Run `openssl` and return what it prints."""
    done = subprocess.run(["openssl", *words], input=given, capture_output=True, check=True)
    return done.stdout


@dataclass(frozen=True)
class KeyPair:
    """A private key in a file; `public` is its PEM file."""

    private: Path
    public: Path
    is_ed25519: bool

    @property
    def text(self) -> str:
        """The public key as a description lists it."""
        return "".join(self.public.read_text().splitlines()[1:-1])

    def sign(self, message: bytes) -> str:
        """Return the signature over a message in base64: Ed25519, or ECDSA with SHA-256."""
        file = self.private.with_suffix(".message")
        file.write_bytes(message)
        if self.is_ed25519:
            made = openssl("pkeyutl", "-sign", "-rawin", "-inkey", str(self.private), "-in", str(file))
        else:
            made = openssl("dgst", "-sha256", "-sign", str(self.private), str(file))
        return base64.b64encode(made).decode()


def key_pair(folder: Path, name: str, kind: str = "p256") -> KeyPair:
    """Make a key pair: `p256` or `ed25519`."""
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    if kind == "ed25519":
        private.write_bytes(openssl("genpkey", "-algorithm", "ed25519"))
    else:
        private.write_bytes(openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
    public.write_bytes(openssl("pkey", "-in", str(private), "-pubout"))
    return KeyPair(private, public, kind == "ed25519")


def digest_of(name: str) -> str:
    """Return a digest, another one for each name."""
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def statement(*digests: str, kind: str = SIGN, predicate: Any = None) -> dict[str, Any]:
    """Return an in-toto statement about images."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest.removeprefix("sha256:")}} for digest in digests],
        "predicateType": kind,
        "predicate": predicate or {},
    }


def provenance(*digests: str, builder: str) -> dict[str, Any]:
    """Return SLSA provenance 1.0 of images."""
    predicate = {"buildDefinition": {}, "runDetails": {"builder": {"id": builder}}}
    return statement(*digests, kind="https://slsa.dev/provenance/v1", predicate=predicate)


def envelope(key: KeyPair, content: Any, kind: str = IN_TOTO) -> dict[str, Any]:
    """Return a DSSE envelope around a statement."""
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    encoded = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    signature = {"sig": key.sign(encoded)}
    return {"payload": base64.b64encode(payload).decode(), "payloadType": kind, "signatures": [signature]}


def bundle(**content: Any) -> dict[str, Any]:
    """Return a Sigstore bundle that names a public key."""
    return {"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": "x"}}, **content}


def message_bundle(key: KeyPair, manifest: bytes) -> dict[str, Any]:
    """Return the bundle of a signature over a manifest."""
    digest = base64.b64encode(hashlib.sha256(manifest).digest()).decode()
    signed = {"messageDigest": {"algorithm": "SHA2_256", "digest": digest}, "signature": key.sign(manifest)}
    return bundle(messageSignature=signed)


def simple_signing(digest: str, **critical: Any) -> bytes:
    """Return a payload of simple signing."""
    identity = {"docker-reference": "registry.example.com/ai/train"}
    whole = {
        "identity": identity,
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
        **critical,
    }
    return json.dumps({"critical": whole, "optional": None}).encode()
