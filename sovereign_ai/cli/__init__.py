"""The command line: a file a command, and no logic of its own.

A command reads its arguments, calls one or two rooms, and hands what they gave to `output.py`.
With `--json`, standard output holds one JSON document and nothing else; progress goes to standard
error; the exit code is the same either way (`errors.ExitCode`).
"""
