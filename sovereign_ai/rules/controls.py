"""The frameworks that rules serve: ids and our own words, with source, version, date and status.

A proposal never counts as law. Figures and ids were read on 2026-11-24.

    >>> ECSF_DATA.status, CADA_LOCATION.status
    ('guideline', 'proposal')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["law", "proposal", "guideline"]


@dataclass(frozen=True, slots=True, order=True)
class Control:
    """One requirement of one framework.

    Attributes:
        framework: short name, `ECSF`.
        id: the framework's own id.
        summary: what it asks for, in our words.
        source: where it is published.
        version: the edition.
        date: day of that edition, ISO 8601.
        status: `law`, `proposal` or `guideline`.
    """

    framework: str
    id: str
    summary: str
    source: str
    version: str
    date: str
    status: Status


def _ecsf(number: str, summary: str) -> Control:
    """Give a criterion of the Commission's Cloud Sovereignty Framework."""
    source = "European Commission, Cloud Sovereignty Framework, implementation guidance and assessment calculator"
    return Control("ECSF", number, summary, source, "guidance", "2026-06-01", "guideline")


def _cada(number: str, summary: str) -> Control:
    """Give a criterion of the proposed Cloud and AI Development Act."""
    return Control("CADA", number, summary, "COM(2026) 502 final, Annex II", "proposal", "2026-06-03", "proposal")


def _c3a(number: str, summary: str) -> Control:
    """Give a criterion of BSI's catalogue of cloud autonomy criteria."""
    return Control("C3A", number, summary, "BSI, C3A", "1.0", "2026-04-27", "guideline")


def _gdpr(article: str, summary: str) -> Control:
    """Give an article of the General Data Protection Regulation."""
    return Control("GDPR", article, summary, "Regulation (EU) 2016/679", "2016/679", "2016-04-27", "law")


def _pss(name: str, summary: str) -> Control:
    """Give a control of the Kubernetes Pod Security Standards."""
    return Control("PSS", name, summary, "kubernetes.io/docs/concepts/security/pod-security-standards", "1.37", "2026-09-08", "guideline")


ECSF_DATA = _ecsf("SOV-3.4", "Data is stored and processed under one known law")
ECSF_KEYS = _ecsf("SOV-3.1", "The customer holds the encryption keys")
ECSF_LAW = _ecsf("SOV-2.1", "One known law governs the service")
CADA_LOCATION = _cada("CADA-Annex-II-2.1(b)", "Infrastructure, assets and staff are in the Union")
CADA_DATA = _cada("CADA-Annex-II-2.1(c)", "Customer data with its metadata and telemetry stays in the Union")
CADA_SUPPORT = _cada("CADA-Annex-II-2.1(h)", "Support is started and done in the Union")
CADA_SOFTWARE = _cada("CADA-Annex-II-2.1(i)", "What software runs, and from where it came, is known")
C3A_LOCATION = _c3a("SOV-3-01-C2", "Data can be confined to the Union")
C3A_KEYS = _c3a("SOV-3-02-C", "Keys can be kept outside the provider")
C3A_STAFF = _c3a("SOV-4-01", "Who has access, and from where, is confined")
C3A_UPDATES = _c3a("SOV-4-05", "Software is validated in a secured zone before it runs")
C3A_GATEWAYS = _c3a("SOV-4-08", "Data leaves through known gateways only")
GDPR_TRANSFER = _gdpr("Article 44", "No transfer to a third country without a ground for it")
GDPR_SECURITY = _gdpr("Article 32", "Processing is secured according to its risk")
NIS2_SUPPLY = Control(
    "NIS2", "Article 21(2)(d)", "The supply chain is part of risk management", "Directive (EU) 2022/2555", "2022/2555", "2022-12-14", "law"
)
PSS_RESTRICTED = _pss("restricted", "Pods run without privileges, host access or added capabilities")
HARDENING = Control(
    "NSA-CISA",
    "Network separation",
    "Network policies deny by default and open what is needed",
    "NSA and CISA, Kubernetes Hardening Guide",
    "1.2",
    "2022-08-29",
    "guideline",
)
