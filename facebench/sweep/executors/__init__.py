"""Executors: where the runs of a sweep are computed, behind one protocol of two methods.

``protocol`` has what they have in common, ``attempt`` what every process does with a run, and each
other module one executor. May import ``sweep.plan``, ``sweep.schedule``, ``pipeline`` and what lies
below it; Ray and submitit are imported by their own executor alone.
"""
