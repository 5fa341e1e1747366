"""What is to be run, as data: the spec of a run, its options, and the file of a sweep.

May import the contracts (``method``, ``task``, ``backbones``) and runtime.
"""
