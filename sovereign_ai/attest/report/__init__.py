"""The report: one HTML file that a reviewer reads, and the same as JSON and CSV.

Rules of this package:

* `gather.gather(factory, plan, now=...)` runs every assessment and returns one `Report`. `page.page`,
  `tables.csv_text` and `Report.to_data` only write its content. The same description and day give the same
  bytes.
* Every text of a description passes `markup.tag`, which escapes it; no other function makes markup.
* The file loads nothing: no script, no font, no picture from elsewhere, and its content policy forbids them.

    report = gather(factory, plan, now=date(2026, 11, 24))
    Path("report.html").write_text(page(report), encoding="utf-8")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.attest.report.gather import Report, make_report
    from sovereign_ai.attest.report.html_page import page
    from sovereign_ai.attest.report.tables import report_csv
    from sovereign_ai.attest.report.usage import ReportedUsage, read_usage
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "gather": ("Report", "make_report"),
            "html_page": ("page",),
            "tables": ("report_csv",),
            "usage": ("ReportedUsage", "read_usage"),
        },
    )

__all__ = ["Report", "ReportedUsage", "make_report", "page", "read_usage", "report_csv"]
