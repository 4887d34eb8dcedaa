"""Where container images may come from, and who must have signed them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from sovereign_ai.files import shown
from sovereign_ai.key_material import public_key
from sovereign_ai.spec.base import Model, Name, Text, added_later
from sovereign_ai.spec.field_location import TextForm

_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
"""A part of a repository's path, which is never `..` (OCI Distribution Specification 1.1, pulling
manifests)."""
REGISTRY_PATTERN = rf"{_HOST}(:[0-9]{{1,5}})?(/{_PART})*"
"""A registry, with a port and a path, as a regular expression without anchors."""
ImageReference = Annotated[
    str,
    StringConstraints(
        pattern=rf"^{REGISTRY_PATTERN}(:[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}})?(@[a-z0-9]+:[A-Za-z0-9]+)?$",
        max_length=400,
    ),
    TextForm(
        "bad-image",
        "an image with its registry, such as registry.example.com/ai/train@sha256:…",
        digits=True,
    ),
]
"""An image with its registry, a tag where it has one, and its digest."""
MOST_SIGNATURES = 2_000
"""The most signatures of a description; the digests stand in admission policies, which etcd limits."""
_BASE64 = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_MOST_CONTENT = 360_000
"""Characters of a statement in base64: 256 KiB, the most for a file of a signature, and a little more."""

Registry = Annotated[
    str,
    StringConstraints(pattern=rf"^{REGISTRY_PATTERN}/?$", max_length=253),
    TextForm(
        "bad-registry",
        "a registry's host, with a path or port if need be, such as registry.example.com/ai",
        digits=True,
    ),
]
"""A registry, or a part of one."""


def _require_key(text: str) -> str:
    """Return the public key of a signer, which must be one that signatures are checked with.

    Raises:
        RefusedKeyError: it is none.
    """
    public_key(text)
    return text


SignerKey = Annotated[
    str,
    # The beginnings are those of the SubjectPublicKeyInfo of Ed25519 (RFC 8410) and of an uncompressed point
    # of P-256 (RFC 5480).
    StringConstraints(
        pattern=r"^(?:MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}="
        r"|MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE[A-Za-z0-9+/]{86}==)$"
    ),
    AfterValidator(_require_key),
    TextForm(
        "bad-signer-key",
        "an Ed25519 or ECDSA P-256 public key: the lines within its PEM file as one, or in a file of YAML the"
        " name of that file beside it, such as cosign.pub",
        digits=True,
    ),
]
"""A public key: base64 of its SubjectPublicKeyInfo."""

SHA256_PATTERN = r"^sha256:[0-9a-f]{64}$"
"""A digest, as references of images write it."""


class Signer(Model):
    """Who signs container images, by a public key."""

    name: Name
    """Its name, unique in the description."""
    key: SignerKey
    """Ed25519 or ECDSA P-256 public key: base64 of its SubjectPublicKeyInfo, which is what stands between the
    first and the last line of its PEM file. In a file of YAML or JSON the name of a PEM file beside it may
    stand in its place."""
    builder: Text | None = added_later()
    """Identity of the builder that SLSA provenance signed by the key must state; left out, the key signs
    images themselves, and its provenance does not count."""
    registries: tuple[Registry, ...] = added_later(())
    """Declared registries whose images it signs; left out, all of them."""


class ImageSignature(Model):
    """A signature, as `cosign` writes it, reduced to what it can be verified by."""

    file: Text
    """The file that it was read from, for messages; it proves nothing."""
    form: Literal["statement", "simple-signing", "digest"]
    """What is signed: an in-toto statement in a DSSE envelope, a payload of simple signing, or the manifest
    of the image itself."""
    content: Annotated[
        str,
        StringConstraints(pattern=rf"{_BASE64}|{SHA256_PATTERN}", min_length=1, max_length=_MOST_CONTENT),
        TextForm("bad-signature", "the signed bytes in base64, or the manifest's digest", digits=True),
    ]
    """The statement or payload in base64, or the manifest's digest."""
    signature: Annotated[
        str,
        StringConstraints(pattern=_BASE64, min_length=4, max_length=200),
        TextForm("bad-signature", "a signature in base64", digits=True),
    ]
    """The signature in base64."""


def _refuse_file_name(value: Any) -> Any:
    """Refuse the name of a file: the reader of a description replaces names by signatures first.

    Raises:
        ValueError: it is a text.
    """
    if isinstance(value, str):
        message = f"{shown(value)} names a file, and only the file of a description has files beside it"
        # pydantic turns a ValueError into a problem, and no TypeError.
        raise ValueError(message)  # noqa: TRY004 - see above
    return value


GivenSignature = Annotated[
    ImageSignature, BeforeValidator(_refuse_file_name, json_schema_input_type=str | ImageSignature)
]
"""A signature, or in a file of YAML or JSON the name of a file or folder beside it that holds signatures."""


class Images(Model):
    """Where container images may come from."""

    registries: tuple[Registry, ...] = Field(min_length=1)
    """Registries, with a path where only a part of one is trusted; matched whole, never by a bare prefix."""
    digests: Literal["required", "optional"] = "required"
    """Whether an image must be pinned by digest."""
    signers: tuple[Signer, ...] = added_later(())
    """Who must have signed: an image of a registry for which signers are listed runs only by a digest that
    one of them has signed."""
    signatures: tuple[GivenSignature, ...] = Field(
        default=(), max_length=MOST_SIGNATURES, exclude_if=lambda value: value == ()
    )
    """What they signed. In a file of YAML or JSON: names of files and folders beside it with what `cosign`
    wrote, bundles in `*.json`, and payloads in `*.payload` with their signatures in `*.sig`."""
