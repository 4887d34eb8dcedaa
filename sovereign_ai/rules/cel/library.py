"""The CEL evaluator, without the command line that its package imports: a prompt and its completion.

That import takes as long as the rules need for five hundred objects.
"""

from __future__ import annotations

import logging

from sovereign_ai.deferred_imports import deferred

with deferred("cel.cli"):
    import cel

# It logs each call of a function that fails, with what the function was given, which may be a secret. What
# fails is a finding of its rule, and nothing else is to be said of it.
logging.getLogger("cel").disabled = True

Context = cel.Context
Program = cel.Program
compile_program = cel.compile
