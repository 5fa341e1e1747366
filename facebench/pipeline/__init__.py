"""From a spec to a result: the stages and the hashes that name them.

Imports ``results`` and what is below it.
"""
