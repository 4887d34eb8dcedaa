"""The Common Expression Language: its evaluator, literals, bindings and functions, without a rule."""
