"""The parts that a factory depends on: each with its holder, its jurisdiction, and the effect of a cut.

Hardware runs on without its vendor and is not replaced; software runs on without patches; a licence, a
heartbeat, a remote attestation, a line or a contract stops. Services that every factory needs and the
description does not name (identity, names, time, certificates, package source) are parts whose holder is not
described; nothing about them is assumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.sovereignty.parts.part import Dependency
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "part": ("Dependency",),
        },
    )

__all__ = ["Dependency"]
