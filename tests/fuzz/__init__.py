"""Coverage-guided fuzzing of the readers of what other machines and people give: `make fuzz`, or `python -m tests.fuzz`."""
