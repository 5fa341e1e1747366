"""Resolves what a user requests, by names and options, to checked specs and checkpoints.

May import evaluation, pretrain, weights and the layers below them.
"""
