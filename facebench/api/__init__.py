"""The functions of ``import facebench``: whatever a command does, in the words of the command.

May import everything but ``cli``, whose commands call these functions and print.
"""
