"""Stored results: a JSON record and its predictions, validated.

May import audit, request and what lies below them; neither ``pipeline`` nor a report.
"""
