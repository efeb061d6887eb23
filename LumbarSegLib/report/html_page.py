"""Parts of an HTML page to print and keep: no scripts, no other files."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1b1e24; max-width: 1080px; margin: 24px auto; padding: 0 16px; }
h1 { font-size: 24px; } h2 { font-size: 18px; margin-top: 32px; }
table { border-collapse: collapse; margin: 8px 0; }
th, td { border-bottom: 1px solid #cfd4dc; padding: 2px 10px 2px 0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.small { font-size: 12px; }
.warning { border-left: 3px solid #a15c00; padding-left: 10px; }
@media print {
  body { margin: 0; max-width: none; font-size: 11px; }
  tr, h2 { break-inside: avoid; } h2 { break-after: avoid; }
}
"""


def html_page(title: str, parts: Iterable[str]) -> str:
    """Return a whole document with `title` as its heading; `parts` are HTML."""
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f"<h1>{text(title)}</h1>",
            *parts,
            "</body>\n</html>\n",
        )
    )


def paragraph(content: str, style: str = "") -> str:
    """Return plain text as a paragraph of a class of the style sheet."""
    return f'<p class="{style}">{text(content)}</p>'


def html_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of plain text; a heading that starts with "#" stands over numbers."""
    is_number = [each.startswith("#") for each in headings]
    head = _row("th", [each.removeprefix("#") for each in headings], is_number)
    body = "\n".join(_row("td", cells, is_number) for cells in rows)
    return f"<table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def text(content: str) -> str:
    """Return plain text as HTML."""
    return html.escape(content, quote=True)


def _row(tag: str, cells: Sequence[str], is_number: Sequence[bool]) -> str:
    marks = (' class="number"' if each else "" for each in is_number)
    row = "".join(f"<{tag}{mark}>{text(cell)}</{tag}>" for cell, mark in zip(cells, marks, strict=True))
    return f"<tr>{row}</tr>"
