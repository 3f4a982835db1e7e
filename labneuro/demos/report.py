"""The report of a demonstration: figures and numbers in one HTML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from labneuro import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border-bottom: 1px solid #ccc; padding: .3rem .8rem; text-align: left; }
pre { overflow-x: auto; }
figure { margin: 1.5rem 0; }
img { max-width: 100%; }
figcaption { color: #555; }
"""


@dataclass(frozen=True)
class Table:
    """A table of the report."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass
class Report:
    """Sections in the order they are read.

    Attributes
    ----------
    title, introduction : str
        Head of the page.
    parts : list of str
        Finished HTML of each part.
    """

    title: str
    introduction: str
    parts: list[str] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Begin a section."""
        self.parts.append(f"<h2>{escape(text)}</h2>")

    def paragraph(self, text: str) -> None:
        """Add plain text."""
        self.parts.append(f"<p>{escape(text)}</p>")

    def preformatted(self, lines: Sequence[str]) -> None:
        """Add lines whose columns stand under each other."""
        self.parts.append(f"<pre>{escape(chr(10).join(lines))}</pre>")

    def figure(self, file_name: str, caption: str) -> None:
        """Show a picture that lies beside the report."""
        self.parts.append(
            f'<figure><img src="{escape(file_name)}" alt="{escape(caption)}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )

    def table(self, table: Table) -> None:
        """Show a table."""
        head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in table.rows
        )
        self.parts.append(f"<table><tr>{head}</tr>{body}</table>")

    def save(self, path: Path) -> None:
        """Write the page."""
        page = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f"<title>{escape(self.title)}</title><style>{_STYLE}</style></head><body>"
            f"<h1>{escape(self.title)}</h1><p>{escape(self.introduction)}</p>"
            + "\n".join(self.parts)
            + f"<p>labneuro {__version__}</p></body></html>\n"
        )
        path.write_text(page, encoding="utf-8")
