"""Break-glass access in the chain of all runs: each grant and each early end is a signed line of it.

What is signed is an in-toto statement about the grant's own facts; the chain holds its digest, and the envelope
stands beside the chain, so that it outlives the cluster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sovereign_ai import __version__
from sovereign_ai.attest import chain
from sovereign_ai.attest.evidence import STATEMENT, sign
from sovereign_ai.cluster.state import write_json
from sovereign_ai.names import KEYS

ACCESS = f"https://{KEYS.domain}/access/v1"
"""Type of what our statement says about break-glass access; a private name, which leads nowhere."""


def record(
    log: Path,
    facts: Mapping[str, Any],
    event: Literal["granted", "revoked"],
    *,
    factory: str,
    cluster: str,
    key: Ed25519PrivateKey,
    now: datetime,
) -> tuple[dict[str, Any], Path]:
    """Add a grant, or its early end, to the chain.

    Args:
        log: the chain's file.
        facts: the grant as plain data, with its `id`.
        event: what happened to it.
        factory: the factory's name.
        cluster: the plan's name for the cluster.
        key: signs the statement and the line; the same as for evidence, since one key signs a chain.
        now: when, with an offset.

    Returns:
        The line, and the file of the signed statement.

    Raises:
        EnvironmentLacksError: the chain cannot be written.
        UsageError: another run was added meanwhile, or the chain's last line is none.
    """
    digest = hashlib.sha256(orjson.dumps(dict(facts), option=orjson.OPT_SORT_KEYS)).hexdigest()
    said = {
        "_type": STATEMENT,
        "subject": [{"name": f"access/{facts['id']}", "digest": {"sha256": digest}}],
        "predicateType": ACCESS,
        "predicate": {
            "factory": factory,
            "cluster": cluster,
            "event": event,
            "access": dict(facts),
            "at": now.isoformat(timespec="seconds"),
            "tool": f"sovereign-ai {__version__}",
            "log": chain.head(log),
        },
    }
    envelope = sign(said, key)
    entry = chain.append(log, envelope, key, at=now.isoformat(timespec="seconds"))
    path = log.parent / f"access-{facts['id']}-{event}.json"
    write_json(path, envelope)
    return entry, path
