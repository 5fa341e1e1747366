"""The command line, thin: parse, call, print.

May import everything; nothing imports it.
"""

from facebench.cli.application import app, main

__all__ = ["app", "main"]
