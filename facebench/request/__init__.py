"""From what a user asks for, in words, to specs and checkpoints that are checked.

May import evaluation, pretrain, weights and what lies below them.
"""
