"""Batched augmentation on the device: an independent draw for each image.

May import errors and runtime.transfer.
"""
