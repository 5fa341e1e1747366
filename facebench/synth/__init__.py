"""Rendered faces with known identity, expression, action units and pose."""
