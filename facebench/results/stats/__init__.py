"""Statistics of stored results: resampling, intervals, tests of significance.

May import ``store``, and the metrics and protocols of evaluation.
"""
