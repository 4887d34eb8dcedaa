"""Run the program as a module: `python -m sovereign_ai.cli`."""

from sovereign_ai.cli.main import run

run()
