"""The CEL evaluator, without the command line that its package imports: a prompt and its completion.

That import takes as long as the rules need for five hundred objects.
"""

from __future__ import annotations

from sovereign_ai.deferred_imports import deferred

with deferred("cel.cli"):
    import cel

Context = cel.Context
Program = cel.Program
compile_program = cel.compile
