"""A table as LaTeX, for a paper: booktabs, signs that every font has, never wider than the page."""

from __future__ import annotations

import re
from collections.abc import Sequence

from facebench.report.tables.grid import Grid, GridCell, grid
from facebench.report.tables.model import PaperTable


def latex(tables: Sequence[PaperTable]) -> str:
    """Return tables as LaTeX."""
    return "\n".join(_latex_table(grid(table)) for table in tables)


def _latex_table(table: Grid) -> str:
    """A floating table over both columns of a page; needs booktabs and graphicx, to fit it in."""
    columns = "l" * table.labels + "r" * (len(table.lower) - table.labels)
    heads, rules, start = [], [], 1
    for span in table.upper:
        last = start + span.columns - 1
        text = _latex_text(span.text)
        if text:
            heads.append(f"\\multicolumn{{{span.columns}}}{{c}}{{{text}}}")
            rules.append(f"\\cmidrule(lr){{{start}-{last}}}")
        else:
            heads.append(" & " * (span.columns - 1))
        start = last + 1
    lines = [
        "% \\usepackage{booktabs,graphicx}",
        "\\begin{table*}[t]",
        "\\centering\\scriptsize\\setlength{\\tabcolsep}{3pt}",
        f"\\caption{{{_latex_text(table.caption)}}}",
        f"\\label{{tab:facebench-{table.label}}}",
        # A table that is too wide is drawn smaller; one that fits is left as it is.
        "\\resizebox{\\ifdim\\width>\\textwidth\\textwidth\\else\\width\\fi}{!}{%",
        f"\\begin{{tabular}}{{{columns}}}",
        "\\toprule",
        " & ".join(heads) + " \\\\",
        "".join(rules),
        " & ".join(map(_latex_text, table.lower)) + " \\\\",
    ]
    for section, rows in table.sections():
        lines.append("\\midrule")
        if section:
            lines.append(
                f"\\multicolumn{{{len(columns)}}}{{l}}{{\\emph{{{_latex_text(section)}}}}} \\\\"
            )
        lines += [" & ".join(map(_latex_cell, row.cells)) + " \\\\" for row in rows]
    notes = [f"\\par {_latex_text(note)}" for note in table.notes]
    end = ["\\bottomrule", "\\end{tabular}}", "\\par\\smallskip\\raggedright", *notes]
    return "\n".join([*lines, *end, "\\end{table*}"]) + "\n"


def _latex_cell(cell: GridCell) -> str:
    text = _latex_text(cell.text) + ("$^{*}$" if cell.star else "")
    return f"\\textbf{{{text}}}" if cell.bold else text


_LATEX = {
    "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "$": "\\$", "&": "\\&", "%": "\\%",
    "#": "\\#", "_": "\\_", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
    "<": "$<$", ">": "$>$", "|": "$|$", "±": "$\\pm$", "Δ": "$\\Delta$", "–": "--", "—": "---",
    "−": "$-$", "↑": "$\\uparrow$", "↓": "$\\downarrow$", "×": "$\\times$", "…": "\\dots{}",
    "≥": "$\\geq$", "≤": "$\\leq$", "→": "$\\to$", '"': "''",
}  # fmt: skip


def _latex_text(text: str) -> str:
    """Escape what LaTeX would take for a command, and write signs that its fonts lack as maths."""
    if re.fullmatch(r"[+-]\d.*", text):  # a minus, not a hyphen
        return f"${text}$"
    return "".join(_LATEX.get(sign, sign) for sign in text)
