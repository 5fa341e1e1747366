"""A table as LaTeX, for a paper: booktabs, signs that every font has, never wider than the page."""

from __future__ import annotations

import re
from collections.abc import Sequence

from facebench.rendering.characters import one_line
from facebench.rendering.table import Cell, Table, cell


def latex_table(table: Table) -> str:
    """Return a floating table over both columns of a page; needs booktabs and graphicx."""
    sides = "".join("r" if column.numeric else "l" for column in table.columns)
    heads, rules, start = [], [], 1
    for heading, columns in table.upper:
        last = start + columns - 1
        if heading:
            heads.append(f"\\multicolumn{{{columns}}}{{c}}{{{_latex_text(heading)}}}")
            rules.append(f"\\cmidrule(lr){{{start}-{last}}}")
        else:
            heads.append(" & " * (columns - 1))
        start = last + 1
    lines = [
        "% \\usepackage{booktabs,graphicx}",
        "\\begin{table*}[t]",
        "\\centering\\scriptsize\\setlength{\\tabcolsep}{3pt}",
        f"\\caption{{{_latex_text(table.caption)}}}",
        f"\\label{{tab:facebench-{table.label}}}",
        # A table that is too wide is drawn smaller; one that fits is left as it is.
        "\\resizebox{\\ifdim\\width>\\textwidth\\textwidth\\else\\width\\fi}{!}{%",
        f"\\begin{{tabular}}{{{sides}}}",
        "\\toprule",
        " & ".join(heads) + " \\\\",
        "".join(rules),
        _row([cell(column.heading) for column in table.columns]),
    ]
    for section in table.sections:
        lines.append("\\midrule")
        if section.title:
            title = f"\\emph{{{_latex_text(section.title)}}}"
            lines.append(f"\\multicolumn{{{len(sides)}}}{{l}}{{{title}}} \\\\")
        lines += [_row(row) for row in section.rows]
    notes = [f"\\par {_latex_text(note)}" for note in table.notes]
    end = ["\\bottomrule", "\\end{tabular}}", "\\par\\smallskip\\raggedright", *notes]
    return "\n".join([*lines, *end, "\\end{table*}"]) + "\n"


def _row(cells: Sequence[Cell]) -> str:
    """Return a row; a bracket or star at its beginning would belong to the line end before it."""
    text = " & ".join(map(_latex_cell, cells)) + " \\\\"
    return f"{{}}{text}" if text.startswith(("[", "*")) else text


def _latex_cell(cell: Cell) -> str:
    parts = []
    for place, span in enumerate(cell.spans):
        star = "$^{*}$" if cell.star and place == len(cell.spans) - 1 else ""
        text = _latex_text(span.text) + star
        parts.append(f"\\textbf{{{text}}}" if span.emphasis == "bold" else text)
    return "".join(parts)


_LATEX = {
    "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "$": "\\$", "&": "\\&", "%": "\\%",
    "#": "\\#", "_": "\\_", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
    "<": "$<$", ">": "$>$", "|": "$|$", "±": "$\\pm$", "Δ": "$\\Delta$", "–": "--", "—": "---",
    "−": "$-$", "↑": "$\\uparrow$", "↓": "$\\downarrow$", "×": "$\\times$", "…": "\\dots{}",
    "≥": "$\\geq$", "≤": "$\\leq$", "→": "$\\to$", '"': "''",
}  # fmt: skip


def _latex_text(text: str) -> str:
    """Escape what LaTeX would take for a command, and write signs that its fonts lack as maths."""
    text = one_line(text)
    if re.fullmatch(r"[+−-][0-9]+([.,][0-9]+)*", text):  # a minus, not a hyphen
        return f"${text.replace('−', '-')}$"
    return "".join(_LATEX.get(sign, sign) for sign in text)
