"""What every stage stands on: files, images and the machine.

May import errors, progress and the registry; nothing else of facebench.
"""
