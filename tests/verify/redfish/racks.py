"""A folder with certificates, account and tree, and the real `sushy-static` that serves it on loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "let me look"  # noqa: S105 - of a test
SERVER = Path(__file__).with_name("guarded_static.py")


def certificates(folder: Path, name: str = "bmc") -> None:
    """Write a self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
    builder = builder.not_valid_after(now + dt.timedelta(days=1)).add_extension(alternative, critical=False)
    signed = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(
        key, hashes.SHA256()
    )
    (folder / f"{name}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / f"{name}.key").write_bytes(pem)


def write_tree(folder: Path, tree: Mapping[str, Any]) -> None:
    for place, resource in tree.items():
        file = folder / place / "index.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(orjson.dumps(resource))


@contextmanager
def served(folder: Path, tree: Mapping[str, Any]) -> Iterator[str]:
    """Serve a tree with TLS and an account, and give the address."""
    write_tree(folder / "tree", tree)
    account = folder / "account"
    account.write_text(f"inventory:{PASSWORD}", encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tls = ["-c", str(folder / "bmc.pem"), "-k", str(folder / "bmc.key")]
    program = [
        sys.executable,
        str(SERVER),
        "-i",
        "127.0.0.1",
        "-p",
        str(port),
        "-m",
        str(folder / "tree"),
        *tls,
    ]
    environment = {**os.environ, "ACCOUNT_FILE": str(account)}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(program, env=environment, stdout=quiet, stderr=quiet) as process:
        try:
            _await(port, process)
            yield f"https://127.0.0.1:{port}"
        finally:
            process.kill()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until it answers by TLS; fail where it ends instead."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for _ in range(1200):
        assert process.poll() is None, "sushy-static did not start"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as raw, context.wrap_socket(raw):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("sushy-static does not listen")


def endpoints(folder: Path, services: list[dict[str, str]], **more: Any) -> Path:
    """Write an endpoints file with its password file."""
    secret = folder / "password"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    secret.chmod(0o600)
    file = folder / "endpoints.yaml"
    data = {
        "ca": "bmc.pem",
        "username": "inventory",
        "password_file": "password",
        "endpoints": services,
        **more,
    }
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    return file
