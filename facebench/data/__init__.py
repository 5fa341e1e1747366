"""From folders and files to images: manifests, datasets, and what is learned from.

May import config, the contracts, synth and runtime.
"""
