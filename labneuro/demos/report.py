"""The report of a demonstration: figures and numbers in one HTML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from labneuro import __version__
from labneuro.data.reader import RunFile
from labneuro.plotting.catalog import run_figure
from labneuro.plotting.style import save
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from labneuro.calibration import CalibratedModel, FittedParameter

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

    def runs(
        self, runs: Mapping[str, Path], captions: Mapping[str, str], out: Path
    ) -> None:
        """Draw the main figure of each run file and show it under its caption.

        Parameters
        ----------
        runs, captions : mapping of str to Path and str
            By name of the run; the picture is ``<name>.png``.
        out : Path
            Folder of the report.
        """
        self.heading("Measured over VISA")
        for name, path in runs.items():
            with RunFile.open(path) as run_file:
                save(run_figure(run_file), out / f"{name}.png")
            self.figure(f"{name}.png", f"{captions[name]} Run file: {path.name}")

    def parameters(
        self,
        found: CalibratedModel,
        truth: Mapping[str, float],
        cards: str,
        without: str = "",
    ) -> None:
        """Show the parameters of a fit beside those of the cards.

        Parameters
        ----------
        found : CalibratedModel
            The fit's.
        truth : mapping of str to float
            The cards' numbers in SI units, as far as they have them.
        cards : str
            Names of the cards.
        without : str
            What is said of a parameter without an interval.
        """
        rows = tuple(
            (
                one.name.replace("_", " "),
                show(truth[one.name], one.unit) if one.name in truth else "",
                _fitted_text(one, without),
            )
            for one in found.parameters
        )
        self.table(Table(("parameter", f"card {cards}", "fitted"), rows))

    def model_table(self, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Show a table of a calibrated model, without the device's name.

        Parameters
        ----------
        name : str
            Of the table.
        rows : sequence of mapping
            At least one.
        """
        columns = [key for key in rows[0] if key not in ("device", "device_id")]
        self.paragraph(f"Table {name} of the model:")
        cells = tuple(tuple(_cell(row[key]) for key in columns) for row in rows)
        self.table(Table(tuple(key.replace("_", " ") for key in columns), cells))

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


def _fitted_text(one: FittedParameter, without: str) -> str:
    if one.interval == (None, None):
        return f"{show(one.value, one.unit)} {without}".rstrip()
    ends = ["open" if end is None else show(end, one.unit) for end in one.interval]
    return f"{show(one.value, one.unit)} ({ends[0]} to {ends[1]})"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
