"""The protocols, one class each in the module of its name; other modules implement its parts.

May import ``metrics``, ``probe`` and the rest of evaluation.
"""
