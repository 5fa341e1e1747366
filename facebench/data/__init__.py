"""Datasets: manifests, images, and the image sources of pretraining.

May import config, the contracts, synth and runtime.
"""
