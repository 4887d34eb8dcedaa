"""The report: one HTML file that a reviewer reads, and the same as JSON and CSV.

The room's rules:

* `gather.gather(factory, plan, now=...)` does all the assessing and gives one `Report`; `page.page`, `tables.csv_text` and
  `Report.to_data` only write down what it holds. The same description and day give the same bytes.
* Every word that comes from a description passes `markup.tag`, which escapes it; nothing else makes markup.
* The file loads nothing: no script, no font, no picture from elsewhere, and a content policy in it that forbids them.

    report = gather(factory, plan, now=date(2026, 11, 24))
    Path("report.html").write_text(page(report), encoding="utf-8")
"""
