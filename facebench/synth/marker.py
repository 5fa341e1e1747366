"""What marks a folder of rendered images, and the version of what renders them."""

FORMAT_VERSION = 1
"""Version of `MARKER`'s content."""

GENERATOR_VERSION = 3
"""Raised whenever the same seed would give other pixels."""

MARKER = "synthetic.json"
"""Name of the file at the root of a folder that marks its images as rendered."""
