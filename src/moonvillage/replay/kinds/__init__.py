"""The kinds of step, one module a sort; each registers itself when imported."""
