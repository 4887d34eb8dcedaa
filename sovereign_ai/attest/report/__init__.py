"""The report: one HTML file that a reviewer reads, and the same as JSON and CSV.

The room's rules:

* `gather.gather(factory, plan, now=...)` runs every assessment and returns one `Report`. `page.page`,
  `tables.csv_text` and `Report.to_data` only write its content. The same description and day give the same
  bytes.
* Every text of a description passes `markup.tag`, which escapes it; no other function makes markup.
* The file loads nothing: no script, no font, no picture from elsewhere, and its content policy forbids them.

    report = gather(factory, plan, now=date(2026, 11, 24))
    Path("report.html").write_text(page(report), encoding="utf-8")
"""
