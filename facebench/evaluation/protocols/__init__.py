"""Protocols: a module named like each of them holds its class; the others train and decide for it.

May import ``metrics``, ``probe`` and the rest of evaluation but ``judge``.
"""
