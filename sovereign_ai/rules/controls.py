"""Controls: requirements of frameworks that rules serve, with source, version, date and status.

The summaries are in our own words.

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
        summary: the requirement, in our words.
        source: the publication.
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
    """Return a criterion of the Commission's Cloud Sovereignty Framework."""
    source = (
        "European Commission, Cloud Sovereignty Framework, implementation guidance and assessment calculator"
    )
    return Control("ECSF", number, summary, source, "guidance", "2026-06-01", "guideline")


def _cada(number: str, summary: str) -> Control:
    """Return a criterion of the proposed Cloud and AI Development Act."""
    return Control(
        "CADA", number, summary, "COM(2026) 502 final, Annex II", "proposal", "2026-06-03", "proposal"
    )


def _c3a(number: str, summary: str) -> Control:
    """Return a criterion of BSI's catalogue of cloud autonomy criteria."""
    return Control("C3A", number, summary, "BSI, C3A", "1.0", "2026-04-27", "guideline")


def _gdpr(article: str, summary: str) -> Control:
    """Return an article of the General Data Protection Regulation."""
    return Control("GDPR", article, summary, "Regulation (EU) 2016/679", "2016/679", "2016-04-27", "law")


def _pss(name: str, summary: str) -> Control:
    """Return a control of the Kubernetes Pod Security Standards."""
    return Control(
        "PSS",
        name,
        summary,
        "kubernetes.io/docs/concepts/security/pod-security-standards",
        "1.37",
        "2026-09-08",
        "guideline",
    )


def _cis(number: str, summary: str) -> Control:
    """Return a recommendation of the CIS Kubernetes Benchmark."""
    # The date is the day on which its ids were read.
    return Control("CIS", number, summary, "CIS Kubernetes Benchmark", "1.11", "2026-11-24", "guideline")


def _nsa(part: str, summary: str) -> Control:
    """Return a part of the Kubernetes Hardening Guide of NSA and CISA, which numbers nothing."""
    return Control(
        "NSA-CISA",
        part,
        summary,
        "NSA and CISA, Kubernetes Hardening Guide",
        "1.2",
        "2022-08-29",
        "guideline",
    )


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
    "NIS2",
    "Article 21(2)(d)",
    "The supply chain is part of risk management",
    "Directive (EU) 2022/2555",
    "2022/2555",
    "2022-12-14",
    "law",
)
PSS_RESTRICTED = _pss("restricted", "Pods run without privileges, host access or added capabilities")
HARDENING = _nsa("Network separation", "Network policies deny by default and open what is needed")
NSA_PODS = _nsa(
    "Kubernetes Pod security", "Containers run with the least privileges, held by a technical control"
)
NSA_ACCESS = _nsa(
    "Authentication and authorization", "People and service accounts have the least rights that they need"
)
CIS_ADMIN = _cis("5.1.1", "cluster-admin is used only where it must be")
CIS_SECRETS = _cis("5.1.2", "Few may read secrets")
CIS_WILDCARDS = _cis("5.1.3", "Roles name what they grant")
CIS_TOKENS = _cis("5.1.6", "Tokens are mounted only where they are needed")
CIS_MASTERS = _cis("5.1.7", "Nobody uses the group system:masters")
CIS_ESCALATION = _cis("5.1.8", "Few may bind, impersonate or escalate")
CIS_NODE_PROXY = _cis("5.1.10", "Few reach nodes through the proxy subresource")
CIS_CSR = _cis("5.1.11", "Few approve certificate requests")
CIS_WEBHOOKS = _cis("5.1.12", "Few write webhook configurations")
CIS_TOKEN_CREATION = _cis("5.1.13", "Few make service account tokens")
CIS_POLICY = _cis("5.2.1", "A control of what pods may do is active")
CIS_PRIVILEGED = _cis("5.2.2", "No privileged containers")
CIS_HOST_PID = _cis("5.2.3", "No pod shares the host's process ids")
CIS_HOST_IPC = _cis("5.2.4", "No pod shares the host's IPC")
CIS_HOST_NETWORK = _cis("5.2.5", "No pod shares the host's network")
CIS_ESCALATE = _cis("5.2.6", "No container gains privileges")
CIS_ROOT = _cis("5.2.7", "No container runs as root")
CIS_CAPABILITIES = _cis("5.2.9", "No container adds capabilities")
CIS_HOST_PROCESS = _cis("5.2.11", "No Windows container is a host process")
CIS_HOST_PATH = _cis("5.2.12", "No pod mounts folders of the host")
CIS_HOST_PORT = _cis("5.2.13", "No container takes a port of the host")
CIS_NETWORK = _cis("5.3.2", "Network policies hold in every namespace")
CIS_PROVENANCE = _cis("5.5.1", "Where images come from is enforced")
CIS_NAMESPACES = _cis("5.7.1", "Namespaces are administrative boundaries")
CIS_SECCOMP = _cis("5.7.2", "Containers run under a seccomp profile")
CIS_CONTEXT = _cis("5.7.3", "Pods and containers have a security context")
