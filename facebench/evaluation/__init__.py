"""Evaluation: features are extracted and stored, and scored by the protocol of their task.

May import weights, data, config, the contracts and runtime.
"""
