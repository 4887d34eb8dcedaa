"""TLS by the files of a control plane's folder, which OpenSSL never opens by itself.

OpenSSL waits for a pipe, and reads a device to its end. So each file is read with a limit, and OpenSSL gets
what it holds.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from sovereign_ai.files import CLUSTER, FileKind, read


def trusting(authority: Path, kind: FileKind = CLUSTER) -> ssl.SSLContext:
    """Return a client's context that trusts the certificates in a file, and no others.

    Raises:
        SovereignError: the kind's own error: the file cannot be read.
        ssl.SSLError: it holds no certificate.
    """
    pem = read(authority, kind).decode("ascii", "backslashreplace")
    if not pem.strip():
        # Python would trust the authorities of the system.
        raise ssl.SSLError(ssl.SSL_ERROR_SSL, f"no certificate in {authority}")
    return ssl.create_default_context(cadata=pem)


def load_pair(tls: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a certificate and its key, both in PEM, without a file on disk.

    Raises:
        ssl.SSLError: they do not belong together, or are damaged.
    """
    descriptor = os.memfd_create("credentials", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as memory:
        memory.write(certificate + b"\n" + key)
        memory.flush()
        # A passphrase is never asked for: a terminal would be waited for.
        tls.load_cert_chain(f"/proc/self/fd/{descriptor}", password=lambda: "")


def load_files(tls: ssl.SSLContext, certificate: Path, key: Path, kind: FileKind = CLUSTER) -> None:
    """Load a certificate and its key from two files.

    Raises:
        SovereignError: the kind's own error: one of them cannot be read.
        ssl.SSLError: as for `load_pair`.
    """
    load_pair(tls, read(certificate, kind), read(key, kind))
