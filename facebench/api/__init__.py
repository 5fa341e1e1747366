"""The public functions of ``import facebench``: one for every command, with the command's names.

May import everything except ``cli``, whose commands call these functions and print.
"""
