"""Published models as data: one YAML record each, and the models that read them.

A record says where its facts are from. What could not be checked here is ``unverified``.

May import errors, config and runtime.
"""
