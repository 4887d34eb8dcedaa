"""Files beside a description that bring signatures of images and the keys of their signers.

    images:
      registries: [registry.example.com/ai]
      signers: [{name: release, key: cosign.pub}]
      signatures: [signatures]            # a folder with what `cosign` wrote

What the files hold becomes part of the description: a key as its text, a signature as the signed bytes and
the signature over them. So the digest of the description covers what is verified, a program that hands over a
description as data needs no files, and nobody can state that something was verified. Nothing is verified
here.

The files are

* `NAME.json`: a Sigstore bundle of version 0.3 with a public key (sigstore/protobuf-specs,
  protos/sigstore_bundle.proto, read 2026-11-27), or a DSSE envelope alone, as `cosign attest` wrote it before
  there were bundles;
* `NAME.payload` with `NAME.sig`: a payload of simple signing and its signature in base64, as
  `cosign sign --output-payload --output-signature` writes them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from sovereign_ai.errors import Problem, SovereignError, SpecError, Where
from sovereign_ai.files import PUBLIC_KEY, SIGNATURE, Json, SourceMap, decode, files_in, parse_json, shown
from sovereign_ai.files import read as read_file
from sovereign_ai.key_material import RefusedKeyError, exact_base64, public_key_text
from sovereign_ai.spec.images import MOST_SIGNATURES

STATEMENT = "application/vnd.in-toto+json"
"""Payload type of in-toto statements in DSSE envelopes (in-toto attestation framework, envelope v1.0)."""
_BUNDLES = (
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
)
_KEYS = (".pub", ".pem")
_FILES = (".json", ".payload")
_MOST_BYTES = 8 << 20
"""The most bytes of all files together: they become part of the description."""
_SHA256_BYTES = 32


def with_signatures(
    images: Mapping[str, Any], folder: Path, source: SourceMap
) -> tuple[dict[str, Any], list[Problem]]:
    """Replace the names of files in `images` by what the files hold.

    Args:
        images: the part `images` as it is written.
        folder: the folder of the description.
        source: the places of the description's own fields.

    Returns:
        The part without names of files, and the problems of the files. What has a problem is left out.
    """
    problems: list[Problem] = []
    read = dict(images)
    if isinstance(images.get("signers"), list):
        read["signers"] = list(_with_keys(images["signers"], folder, source, problems))
    if isinstance(images.get("signatures"), list):
        read["signatures"] = list(_with_documents(images["signatures"], folder, source, problems))
    return read, problems


def _with_keys(signers: list[Any], folder: Path, source: SourceMap, problems: list[Problem]) -> Iterator[Any]:
    """Yield the signers, the name of a file with a key replaced by the key."""
    for index, signer in enumerate(signers):
        key = signer.get("key") if isinstance(signer, dict) else None
        if not isinstance(key, str) or not key.endswith(_KEYS):
            yield signer
            continue
        where = source.where(f"images.signers[{index}].key")
        if _is_name(key):
            try:
                yield {**signer, "key": _key_text(folder / key)}
            except SovereignError as error:
                problems += [replace(problem, where=where) for problem in error.problems]
        else:
            problems.append(_no_name(key, where, "cosign.pub"))


def _is_name(text: str) -> bool:
    """Return whether a text names a file beside the description: a path could lead to any file."""
    return text not in ("", ".", "..") and Path(text).name == text


def _no_name(text: str, where: Where, example: str) -> Problem:
    """Return the problem of a text that is no name of a file beside the description."""
    message = f"{shown(text)} is no name of a file beside the description"
    return Problem("no-file", message, where, f"write its name alone, such as {example}")


def _key_text(path: Path) -> str:
    """Return the public key of a PEM file as a description lists it.

    Raises:
        SovereignError: the file cannot be read, or holds no public key.
    """
    try:
        return public_key_text(read_file(path, PUBLIC_KEY))
    except RefusedKeyError as error:
        message = f"{path.name} holds no public key in PEM that can be trusted: {error}"
        raise SpecError(Problem("bad-signer-key", message, hint=PUBLIC_KEY.hint)) from None


def _with_documents(
    entries: list[Any], folder: Path, source: SourceMap, problems: list[Problem]
) -> Iterator[Any]:
    """Yield the signatures, the names of files and folders replaced by the signatures in them."""
    total = 0
    for index, entry in enumerate(entries):
        if not isinstance(entry, str):
            yield entry
            continue
        where = source.where(f"images.signatures[{index}]")
        if not _is_name(entry):
            problems.append(_no_name(entry, where, "signatures"))
            continue
        try:
            paths = _paths(folder / entry)
        except SovereignError as error:
            problems += [replace(problem, where=where) for problem in error.problems]
            continue
        for path in paths:
            try:
                # As the description names it: where the description lies must not change its digest.
                name = entry if path == folder / entry else f"{entry}/{path.name}"
                size, signature = _signature_in(path, name)
            except SovereignError as error:
                problems += error.problems
                continue
            total += size
            if total > _MOST_BYTES:
                message = f"the files of signatures have more than {_MOST_BYTES >> 20} MiB together"
                hint = "keep only the signatures of images that run"
                problems.append(Problem("too-large", message, where, hint))
                return
            yield signature


def _paths(path: Path) -> list[Path]:
    """Return the files that an entry of `signatures` names: a file, or all in a folder.

    A signature beside its payload is no file of its own.

    Raises:
        SovereignError: the folder cannot be read, or holds too many files.
    """
    # A folder under the name of a file is a mistake, and would be read as one without signatures.
    if path.suffix in _FILES or not path.is_dir():
        return [path]
    # Each signature of simple signing has two files.
    paths = files_in(path, SIGNATURE, 2 * MOST_SIGNATURES)
    payloads = {file.stem for file in paths if file.suffix == ".payload"}
    return [file for file in paths if not (file.suffix == ".sig" and file.stem in payloads)]


def _signature_in(path: Path, name: str) -> tuple[int, dict[str, str]]:
    """Return the bytes that were read, and a signature as a description holds it.

    Raises:
        SovereignError: the file cannot be read, or holds none.
    """
    if path.suffix == ".payload":
        payload = read_file(path, SIGNATURE)
        signature = path.with_suffix(".sig")
        text = decode(read_file(signature, SIGNATURE), str(signature), SIGNATURE).strip()
        if _bytes_of(text) is None:
            _refuse("bad-signature", "the file holds no signature in base64", Where(str(signature), 1, 1))
        content = base64.b64encode(payload).decode()
        return len(payload), _entry(name, "simple-signing", content, text)
    if path.suffix == ".json":
        raw = read_file(path, SIGNATURE)
        document = parse_json(raw, str(path), SIGNATURE)
        return len(raw), _document(document, name)
    if not path.exists():
        _refuse(
            "no-file", f"there is no file or folder {path.name!r} beside the description", Where(str(path))
        )
    message = f"{path.name} is neither a bundle (NAME.json) nor a payload (NAME.payload) with its NAME.sig"
    raise SpecError(Problem("no-signature", message, Where(str(path)), SIGNATURE.hint))


def _entry(file: str, form: str, content: str, signature: str) -> dict[str, str]:
    """Return a signature as a description holds it."""
    return {"file": file, "form": form, "content": content, "signature": signature}


def _refuse(code: str, message: str, where: Where, hint: str = SIGNATURE.hint) -> NoReturn:
    """Refuse a document.

    Raises:
        SpecError: always.
    """
    raise SpecError(Problem(code, message, where, hint))


def _bytes_of(value: object) -> bytes | None:
    """Return what a text in base64 holds; None where it is no such text, or an empty one."""
    try:
        return exact_base64(value) or None
    except RefusedKeyError:
        return None


def _document(document: Json, name: str) -> dict[str, str]:
    """Return the signature in a JSON document: a bundle, or an envelope alone.

    Raises:
        SpecError: it holds none that can be verified with a key.
    """
    data = document.data
    if isinstance(data, dict) and "payloadType" in data and "mediaType" not in data:
        return _envelope(document, "", name)
    if not isinstance(data, dict) or data.get("mediaType") not in _BUNDLES:
        message = "the document is no Sigstore bundle of version 0.3 and no DSSE envelope"
        _refuse("bad-signature", message, document.where("mediaType"))
    material = data.get("verificationMaterial")
    if not isinstance(material, dict) or not isinstance(material.get("publicKey"), dict):
        message = "the bundle names no public key; signatures by certificates are not judged"
        hint = "sign with a key that the description lists: 'cosign sign --key'"
        _refuse("no-public-key", message, document.where("verificationMaterial"), hint)
    contents = [field for field in ("messageSignature", "dsseEnvelope") if field in data]
    if contents == ["dsseEnvelope"]:
        return _envelope(document, "dsseEnvelope", name)
    if contents != ["messageSignature"]:
        message = "the bundle holds not exactly one of messageSignature and dsseEnvelope"
        _refuse("bad-signature", message, document.where(""))
    return _message(document, name)


def _envelope(document: Json, at: str, name: str) -> dict[str, str]:
    """Return the signature in a DSSE envelope, which is the document or a field of it.

    Raises:
        SpecError: it holds no statement, or not one signature.
    """
    envelope = document.data[at] if at else document.data
    steps = f"{at}." if at else ""
    if not isinstance(envelope, dict) or envelope.get("payloadType") != STATEMENT:
        message = f"the envelope holds no in-toto statement ({STATEMENT})"
        _refuse("bad-signature", message, document.where(f"{steps}payloadType"))
    if _bytes_of(envelope.get("payload")) is None:
        _refuse("bad-signature", "the payload is no base64", document.where(f"{steps}payload"))
    signatures = envelope.get("signatures")
    signature = signatures[0] if isinstance(signatures, list) and len(signatures) == 1 else None
    text = signature.get("sig") if isinstance(signature, dict) else None
    if _bytes_of(text) is None:
        message = "the envelope holds not exactly one signature in base64"
        _refuse("bad-signature", message, document.where(f"{steps}signatures"))
    return _entry(name, "statement", envelope["payload"], str(text))


def _message(document: Json, name: str) -> dict[str, str]:
    """Return the signature over a manifest in a bundle.

    Raises:
        SpecError: it lacks the manifest's SHA-256 or the signature.
    """
    message = document.data["messageSignature"]
    digest: Any = message.get("messageDigest") if isinstance(message, dict) else None
    is_sha256 = isinstance(digest, dict) and digest.get("algorithm") == "SHA2_256"
    raw = _bytes_of(digest["digest"]) if is_sha256 and "digest" in digest else None
    if raw is None or len(raw) != _SHA256_BYTES:
        where = document.where("messageSignature.messageDigest")
        _refuse("bad-signature", "the bundle states no SHA-256 of what is signed (SHA2_256)", where)
    text = message.get("signature")
    if _bytes_of(text) is None:
        where = document.where("messageSignature.signature")
        _refuse("bad-signature", "the signature is no base64", where)
    return _entry(name, "digest", f"sha256:{raw.hex()}", text)
