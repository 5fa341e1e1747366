"""A table as data, and how each format draws it: terminal, text, Markdown, LaTeX, HTML.

May import nothing of facebench.
"""
