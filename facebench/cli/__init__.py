"""The command line: a file for each command, which parses, calls the API and prints.

May import everything; nothing imports it.
"""

from facebench.cli.application import app, main

__all__ = ["app", "main"]
