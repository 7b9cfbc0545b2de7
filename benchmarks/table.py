"""What a benchmark returns."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """A table of figures.

    Parameters
    ----------
    title
        What was measured.
    reading
        One line: how to read the figures, or why there are none.
    columns
        Names of the columns.
    rows
        Cells, formatted.
    """

    title: str
    reading: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default=())

    def markdown(self) -> str:
        """Return the table as Markdown."""
        text = f"**{self.title}** {self.reading}\n"
        if not self.rows:
            return text
        lines = [self.columns, ["---"] + ["---:"] * (len(self.columns) - 1), *self.rows]
        return text + "\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
