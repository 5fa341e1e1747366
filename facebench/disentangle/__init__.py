"""Which factor of a face is in which feature, measured on faces of which all is known.

May import report, ``pipeline`` and what lies below them.
"""
