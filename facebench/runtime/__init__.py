"""Infrastructure of all stages: files, images, digests, devices, the terminal, a user's code.

May import errors, ranges, rendering and progress.
"""
