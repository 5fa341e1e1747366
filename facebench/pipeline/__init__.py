"""From a spec to a result: the stages and the hashes that name them.

May import results and the layers below it.
"""
