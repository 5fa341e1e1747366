"""Weights of a method: initialisation, checkpoints, and the import of foreign weights.

May import data, config, the contracts and runtime.
"""
