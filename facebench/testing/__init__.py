"""Checks of plugins, for their authors' tests and for ``facebench check``.

May import request, pretrain and what lies below them.
"""
