"""Weights of a method: the first ones, checkpoints, and those of other people's code.

May import data, config, the contracts and runtime.
"""
