"""Kinds of faults for ``benchmarks/faults.py``: each module makes some, and says what came of them.

A kind is a function from a :class:`~fault_kinds.world.World` to outcomes. To add one, write it in a
module of its own and name it in ``KINDS`` of ``benchmarks/faults.py``.
"""
