"""A verdict in the formats of reviewers' tools, the report, signed evidence, and the log of all runs.

Rules of this package:

- Every renderer is pure: a verdict and the registry in, plain data or text out. It decides nothing and leaves
  nothing out: waived and undecidable findings and notices are marked as such.
- The same verdict gives the same bytes. Names that must be unique are UUIDs of version 5, made from what they
  name; a time is an argument.
- A control counts as satisfied only where every rule that serves it was decided and none was violated, waived
  or not: a waiver never hides a violation.

    from sovereign_ai.attest import sarif

    document = sarif(verdict, base=Path.cwd())
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.attest.access import access_lines, access_problems, is_recorded, record, statements
    from sovereign_ai.attest.comparison import Side, compare, compared_side
    from sovereign_ai.attest.controls import control_states
    from sovereign_ai.attest.evidence import (
        description_data,
        differences,
        inner_problems,
        open_envelope,
        parts_and_verdict,
        parts_of,
        read_envelope,
        sign_statement,
        statement,
        verdict_counts,
    )
    from sovereign_ai.attest.evidence_timestamp import (
        NotedLine,
        compare_day,
        compare_line,
        noted_line,
        removed_problem,
        signature_of,
        token_of,
    )
    from sovereign_ai.attest.hardware_key import signing_key
    from sovereign_ai.attest.junit_xml import junit
    from sovereign_ai.attest.key_handover import handover, handover_file, public_text
    from sovereign_ai.attest.key_uri import is_key_uri
    from sovereign_ai.attest.layout import ACCESS, PREDICATE
    from sovereign_ai.attest.line_agreement import future_problems, own_problems, stated_moment
    from sovereign_ai.attest.observation import bind, binding_in, read_binding
    from sovereign_ai.attest.oscal import RESULTS_FILE, assessment_results, documents
    from sovereign_ai.attest.platform_bill import platform_sbom
    from sovereign_ai.attest.sarif_log import sarif
    from sovereign_ai.attest.signing import Signer, base64_text, key_id, pae, public_key
    from sovereign_ai.attest.text import findings_lines, verdict_lines
    from sovereign_ai.attest.timestamp import StampError, checked_policy, read_authorities, verify_token
    from sovereign_ai.attest.timestamp_service import TimeStampService, parse_url
    from sovereign_ai.attest.witness import Witness, witnesses
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "access": ("access_lines", "access_problems", "is_recorded", "record", "statements"),
            "comparison": ("Side", "compare", "compared_side"),
            "controls": ("control_states",),
            "evidence": (
                "description_data",
                "differences",
                "inner_problems",
                "open_envelope",
                "parts_and_verdict",
                "parts_of",
                "read_envelope",
                "sign_statement",
                "statement",
                "verdict_counts",
            ),
            "evidence_timestamp": (
                "NotedLine",
                "compare_day",
                "compare_line",
                "noted_line",
                "removed_problem",
                "signature_of",
                "token_of",
            ),
            "hardware_key": ("signing_key",),
            "junit_xml": ("junit",),
            "key_handover": ("handover", "handover_file", "public_text"),
            "key_uri": ("is_key_uri",),
            "layout": ("ACCESS", "PREDICATE"),
            "line_agreement": ("future_problems", "own_problems", "stated_moment"),
            "observation": ("bind", "binding_in", "read_binding"),
            "oscal": ("RESULTS_FILE", "assessment_results", "documents"),
            "platform_bill": ("platform_sbom",),
            "sarif_log": ("sarif",),
            "signing": ("Signer", "base64_text", "key_id", "pae", "public_key"),
            "text": ("findings_lines", "verdict_lines"),
            "timestamp": ("StampError", "checked_policy", "read_authorities", "verify_token"),
            "timestamp_service": ("TimeStampService", "parse_url"),
            "witness": ("Witness", "witnesses"),
        },
    )

__all__ = [
    "ACCESS",
    "PREDICATE",
    "RESULTS_FILE",
    "NotedLine",
    "Side",
    "Signer",
    "StampError",
    "TimeStampService",
    "Witness",
    "access_lines",
    "access_problems",
    "assessment_results",
    "base64_text",
    "bind",
    "binding_in",
    "checked_policy",
    "compare",
    "compare_day",
    "compare_line",
    "compared_side",
    "control_states",
    "description_data",
    "differences",
    "documents",
    "findings_lines",
    "future_problems",
    "handover",
    "handover_file",
    "inner_problems",
    "is_key_uri",
    "is_recorded",
    "junit",
    "key_id",
    "noted_line",
    "open_envelope",
    "own_problems",
    "pae",
    "parse_url",
    "parts_and_verdict",
    "parts_of",
    "platform_sbom",
    "public_key",
    "public_text",
    "read_authorities",
    "read_binding",
    "read_envelope",
    "record",
    "removed_problem",
    "sarif",
    "sign_statement",
    "signature_of",
    "signing_key",
    "stated_moment",
    "statement",
    "statements",
    "token_of",
    "verdict_counts",
    "verdict_lines",
    "verify_token",
    "witnesses",
]
