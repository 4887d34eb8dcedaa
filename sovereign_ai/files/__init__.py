"""Bounded reading of files that others wrote, and atomic writing of files; the only place that opens either.

    raw = read(Path("figures.yaml"), FIGURES)         # a regular file, bounded, or a problem in words
    data, source, problems = parse(decode(raw, "figures.yaml"), "figures.yaml")
    write(Path("report.html"), page)                  # whole or not at all

A `Kind` (`kinds.py`) describes each sort of file with its limit. `reading` opens files, the `text` modules
parse them (`yaml_text`, `json_text`, `csv_text`), `writing` writes. Whatever a file holds, the result is
data, or problems with file and line, and never another exception.
"""
