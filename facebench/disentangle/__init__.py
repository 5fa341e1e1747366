"""Which factor of a face is in which feature, measured on faces of which all is known.

May import report, ``run`` and what lies below them.
"""
