"""The leaderboard: methods and tasks in one matrix, as text and as a page.

May import the modules of report; neither ``tables`` nor ``figures``.
"""
