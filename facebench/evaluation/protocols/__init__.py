"""Protocols: what is trained on features, chosen and scored; each lives once, here.

May import ``metrics``, ``probe`` and the rest of evaluate but ``judge``.
"""
