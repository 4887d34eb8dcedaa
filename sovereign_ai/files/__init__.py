"""Bounded reading of files that others wrote, and atomic writing of files; the only place that opens either.

    raw = read(Path("figures.yaml"), FIGURES)         # a regular file, bounded, or a problem in words
    data, source, problems = parse(decode(raw, "figures.yaml"), "figures.yaml")
    write(Path("report.html"), page)                  # whole or not at all

A `Kind` (`kinds.py`) describes each sort of file with its limit. `reading` opens files, the `text` modules
parse them (`yaml_text`, `json_text`, `csv_text`), `writing` writes. Whatever a file holds, the result is
data, or problems with file and line, and never another exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.files.confusables import clean_text, foreign, hidden
    from sovereign_ai.files.csv_text import rows
    from sovereign_ai.files.decoding import decode, locate_character, refuse_secrets
    from sovereign_ai.files.json_text import Json, parse_json
    from sovereign_ai.files.kinds import (
        ANSWERS,
        APPROVAL,
        AUTHORITIES,
        AUTHORITY,
        BMC_ACCOUNT,
        CATALOG,
        CERTIFICATE,
        CHAIN,
        COVERED,
        DEFINITIONS,
        DELIVERED,
        DESCRIPTION,
        ENDPOINTS,
        ENVELOPE,
        FIGURES,
        GIVEN,
        HEAD,
        INVENTORY,
        KUBECONFIG,
        LISTING,
        NEIGHBOURS,
        NETBOX,
        OBSERVATION,
        PASSWORD,
        PIN,
        PRIVATE_KEY,
        PROJECT,
        PUBLIC_KEY,
        REDFISH,
        RESULTS,
        REVIEW,
        SERIES,
        SETTINGS,
        STATE,
        STATE_KEY,
        SUBNET,
        TORN,
        WORKLOAD,
        FileKind,
    )
    from sovereign_ai.files.object_text import parse_objects
    from sovereign_ai.files.reading import files_in, read, read_lines
    from sovereign_ai.files.secrets import may_be_secret, shown
    from sovereign_ai.files.source import SourceMap, above, below
    from sovereign_ai.files.yaml_text import Parsed, Refused, parse
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "confusables": ("clean_text", "foreign", "hidden"),
            "csv_text": ("rows",),
            "decoding": ("decode", "locate_character", "refuse_secrets"),
            "json_text": ("Json", "parse_json"),
            "kinds": (
                "ANSWERS",
                "APPROVAL",
                "AUTHORITIES",
                "AUTHORITY",
                "BMC_ACCOUNT",
                "CATALOG",
                "CERTIFICATE",
                "CHAIN",
                "COVERED",
                "DEFINITIONS",
                "DELIVERED",
                "DESCRIPTION",
                "ENDPOINTS",
                "ENVELOPE",
                "FIGURES",
                "FileKind",
                "GIVEN",
                "HEAD",
                "INVENTORY",
                "KUBECONFIG",
                "LISTING",
                "NEIGHBOURS",
                "NETBOX",
                "OBSERVATION",
                "PASSWORD",
                "PIN",
                "PRIVATE_KEY",
                "PROJECT",
                "PUBLIC_KEY",
                "REDFISH",
                "RESULTS",
                "REVIEW",
                "SERIES",
                "SETTINGS",
                "STATE",
                "STATE_KEY",
                "SUBNET",
                "TORN",
                "WORKLOAD",
            ),
            "object_text": ("parse_objects",),
            "reading": ("files_in", "read", "read_lines"),
            "secrets": ("may_be_secret", "shown"),
            "source": ("SourceMap", "above", "below"),
            "yaml_text": ("Parsed", "Refused", "parse"),
        },
    )

__all__ = [
    "ANSWERS",
    "APPROVAL",
    "AUTHORITIES",
    "AUTHORITY",
    "BMC_ACCOUNT",
    "CATALOG",
    "CERTIFICATE",
    "CHAIN",
    "COVERED",
    "DEFINITIONS",
    "DELIVERED",
    "DESCRIPTION",
    "ENDPOINTS",
    "ENVELOPE",
    "FIGURES",
    "GIVEN",
    "HEAD",
    "INVENTORY",
    "KUBECONFIG",
    "LISTING",
    "NEIGHBOURS",
    "NETBOX",
    "OBSERVATION",
    "PASSWORD",
    "PIN",
    "PRIVATE_KEY",
    "PROJECT",
    "PUBLIC_KEY",
    "REDFISH",
    "RESULTS",
    "REVIEW",
    "SERIES",
    "SETTINGS",
    "STATE",
    "STATE_KEY",
    "SUBNET",
    "TORN",
    "WORKLOAD",
    "FileKind",
    "Json",
    "Parsed",
    "Refused",
    "SourceMap",
    "above",
    "below",
    "clean_text",
    "decode",
    "files_in",
    "foreign",
    "hidden",
    "locate_character",
    "may_be_secret",
    "parse",
    "parse_json",
    "parse_objects",
    "read",
    "read_lines",
    "refuse_secrets",
    "rows",
    "shown",
]
