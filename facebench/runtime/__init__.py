"""What every stage stands on: files, images, digests, devices, and the terminal.

May import errors, progress and the registry.
"""
