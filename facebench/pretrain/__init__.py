"""Pretraining: the training engine, the order of the images, and losses.

May import weights, data, config, the contracts and runtime.
"""
