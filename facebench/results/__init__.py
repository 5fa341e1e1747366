"""What is kept of a run: one JSON file with its predictions beside it.

May import all that a run is made of, up to the protocols; neither ``run`` nor a report.
"""
