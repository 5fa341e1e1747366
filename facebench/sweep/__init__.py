"""Many runs: planned together, computed here or in several processes, shown as tables.

May import report, ``plan``, ``pipeline`` and what lies below them.
"""
