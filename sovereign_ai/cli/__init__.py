"""The command line: one module per command, without domain logic.

A command reads its arguments, calls one or two packages, and passes their results to `output.py`.
With `--json`, standard output holds exactly one JSON document. Progress always goes to standard error. The
exit code is the same with and without `--json` (`errors.ExitCode`).

Commands import the packages that they call inside their functions, so that `sovereign-ai --help` loads
neither Pulumi nor a Kubernetes client.
"""
