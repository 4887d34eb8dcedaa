"""Coverage-guided fuzzing of readers of outside data: `make fuzz`, or `python -m tests.fuzz`."""
