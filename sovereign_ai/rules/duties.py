"""Duties: requirements that the plan rules serve, beside those in `controls.py`, in our own words.

Read on 2026-11-24. SecNumCloud's ownership shares were read in an edition that may differ from the
final 3.2 in its wording; the letters of NIS2 Article 21(2) are those of the directive.

    >>> CADA_CONTROL.status, NIS2_CRYPTO.id
    ('proposal', 'Article 21(2)(h)')
"""

from __future__ import annotations

from sovereign_ai.rules.controls import Control, Status

_GUIDANCE = (
    "European Commission, Cloud Sovereignty Framework, implementation guidance and assessment calculator"
)


def _control(framework: str, number: str, summary: str) -> Control:
    """Return a requirement with its framework's edition."""
    source, version, date, status = _EDITIONS[framework]
    return Control(framework, number, summary, source, version, date, status)


_EDITIONS: dict[str, tuple[str, str, str, Status]] = {
    "ECSF": (_GUIDANCE, "guidance", "2026-06-01", "guideline"),
    "CADA": ("COM(2026) 502 final, Annex II", "proposal", "2026-06-03", "proposal"),
    "C3A": ("BSI, C3A", "1.0", "2026-04-27", "guideline"),
    "GDPR": ("Regulation (EU) 2016/679", "2016/679", "2016-04-27", "law"),
    "NIS2": ("Directive (EU) 2022/2555", "2022/2555", "2022-12-14", "law"),
    "DORA": ("Regulation (EU) 2022/2554", "2022/2554", "2022-12-14", "law"),
    "EED": (
        "Directive (EU) 2023/1791 with Delegated Regulation (EU) 2024/1364",
        "2023/1791",
        "2023-09-13",
        "law",
    ),
    "SecNumCloud": (
        "ANSSI, SecNumCloud, requirements for cloud service providers",
        "3.2",
        "2022-03-08",
        "guideline",
    ),
    "Gaia-X": ("Gaia-X Compliance Document, criteria for cloud services", "24.11", "2024-11", "guideline"),
    "SCS": ("Sovereign Cloud Stack, Standards", "scs-standards 077174d", "2026-08-21", "guideline"),
}

ECSF_CONTROL = _control("ECSF", "SOV-2.2", "No law from outside the Union reaches the service")
ECSF_ORDERS = _control("ECSF", "SOV-2.3", "Orders from outside the Union find no way to data")
ECSF_LOGS = _control("ECSF", "SOV-3.2", "Who had access is recorded where the customer can see it")
ECSF_ERASURE = _control("ECSF", "SOV-3.3", "Data is erased, and the erasure shown")
ECSF_EXIT = _control("ECSF", "SOV-4.1", "The service can be moved elsewhere")
ECSF_SKILLS = _control("ECSF", "SOV-4.3", "The people who run the service are from the Union and cleared")
ECSF_SUBCONTRACTORS = _control("ECSF", "SOV-4.6", "Subcontractors are under the same law as the service")
ECSF_ORIGIN = _control("ECSF", "SOV-5.1", "Where components come from is disclosed")
ECSF_UPDATES = _control("ECSF", "SOV-5.5", "Who makes, signs and applies updates is under own control")
ECSF_SINGLE = _control("ECSF", "SOV-5.6", "No critical service hangs on one foreign supplier")
ECSF_CERTIFICATES = _control("ECSF", "SOV-7.1", "Security is certified")
ECSF_REPORTING = _control("ECSF", "SOV-8.3", "Environmental impact is reported")
ECSF_ENERGY = _control("ECSF", "SOV-8.4", "Where energy comes from is known")
CADA_STAFF = _control(
    "CADA", "CADA-Annex-II-3.1(d)", "Staff with access are citizens of the Union, cleared where needed"
)
CADA_CERTIFICATE = _control(
    "CADA", "CADA-Annex-II-2.1(e)", "Security is certified at the level that is needed"
)
CADA_CONTROL = _control("CADA", "CADA-Annex-II-2.1(g)", "A third country's control is ring-fenced or absent")
CADA_TAMPER = _control("CADA", "CADA-Annex-II-2.1(j)", "Software has no means of remote tampering")
C3A_CONTROL = _control("C3A", "SOV-1-03-C1", "Effective control lies in the Union")
C3A_REACH = _control("C3A", "SOV-2-01-C", "The reach of foreign law is assessed every year")
C3A_LOGS = _control("C3A", "SOV-3-04", "Access is logged for the customer")
C3A_PATHS = _control("C3A", "SOV-4-02", "Ways in for administrators lie in the Union")
C3A_LINES = _control(
    "C3A", "SOV-4-03", "Lines are redundant, one by a carrier of the Union, one outside the group"
)
C3A_SOC = _control("C3A", "SOV-4-04", "The security operations centre is in the Union")
C3A_EXCHANGES = _control("C3A", "SOV-4-07", "Exchanges with third parties are known and logged")
C3A_DISCONNECT = _control(
    "C3A",
    "SOV-4-09-C",
    "The service runs on when every connection out of the Union is cut, licence servers too",
)
C3A_RECONNECT = _control(
    "C3A", "SOV-4-10-C", "After at most 90 days apart it can be joined and updated again"
)
C3A_SOFTWARE = _control("C3A", "SOV-5-01", "Software dependencies are listed with their supplier")
C3A_HARDWARE = _control("C3A", "SOV-5-02", "Hardware is listed with supplier, country and mitigation")
C3A_SERVICES = _control(
    "C3A", "SOV-5-03", "External services are listed with supplier, country and mitigation"
)
C3A_DISRUPTION = _control(
    "C3A", "SOV-5-04-C", "There is a way through export restrictions and failing supplies"
)
GDPR_STORAGE = _control("GDPR", "Article 5(1)(e)", "Personal data is kept no longer than is needed")
GDPR_PROCESSORS = _control("GDPR", "Article 28", "Processors are bound and give guarantees")
GDPR_ADEQUACY = _control(
    "GDPR", "Article 45", "A transfer may rest on an adequacy decision that covers the recipient"
)
GDPR_SAFEGUARDS = _control("GDPR", "Article 46", "Without a decision, a transfer needs safeguards that hold")
GDPR_ORDERS = _control("GDPR", "Article 48", "A foreign order alone never justifies a transfer")
NIS2_RISK = _control("NIS2", "Article 21(2)(a)", "Risks are analysed and policies follow from it")
NIS2_CONTINUITY = _control(
    "NIS2", "Article 21(2)(c)", "Operation continues through crises; backups are managed"
)
NIS2_CRYPTO = _control("NIS2", "Article 21(2)(h)", "Cryptography is used by policy")
NIS2_ACCESS = _control("NIS2", "Article 21(2)(i)", "People's access is controlled")
DORA_EXIT = _control("DORA", "Article 28", "Dependence on providers is recorded, with a way out")
DORA_CONCENTRATION = _control("DORA", "Article 29", "Concentration on one provider is assessed beforehand")
EED_REPORTING = _control(
    "EED", "Article 12", "Data centres of 500 kW and more report their figures every year"
)
SNC_LOCATION = _control("SecNumCloud", "19.2", "Data is stored and processed in the Union")
SNC_OWNERSHIP = _control(
    "SecNumCloud", "19.6", "Holders outside the Union own at most 24 % each and 39 % together"
)
GAIAX_LOCATION = _control("Gaia-X", "P5.1.2", "All customer data stays in the EEA")
GAIAX_ORDERS = _control("Gaia-X", "P5.1.3", "There are safeguards against orders from outside the EEA")
GAIAX_OWNERSHIP = _control("Gaia-X", "P5.1.5", "Holders outside the EEA have no control")
GAIAX_THIRD = _control("Gaia-X", "P5.1.6", "Third parties outside the EEA reach neither data nor identities")
GAIAX_AUTONOMY = _control("Gaia-X", "P5.1.7", "The service can go on by itself")
SCS_BACKUP = _control("SCS", "scs-0117", "Volumes are backed up")
SCS_ZONES = _control("SCS", "scs-0122", "Traffic between machines is encrypted")
SCS_KEYS = _control("SCS", "scs-0116", "Keys are kept by a key manager")
