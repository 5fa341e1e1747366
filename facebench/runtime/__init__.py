"""Infrastructure of all stages: files, images, digests, devices, and the terminal.

May import errors, progress and the registry.
"""
