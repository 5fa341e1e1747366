"""The paper's tables with our numbers, in text, Markdown, LaTeX, HTML, CSV and JSON.

May import ``board`` and the modules of report.
"""
