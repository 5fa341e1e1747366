"""What is kept of a run: one JSON file with its predictions beside it, checked.

May import audit, request and what lies below them; neither ``pipeline`` nor a report.
"""
