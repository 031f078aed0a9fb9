# SPDX-License-Identifier: Apache-2.0
"""The one table that everything ends in: Markdown, aligned so that it reads as plain text too."""
import statistics
from dataclasses import dataclass

HEADS = ["measurement", "result", "against", "ratio", "range", "target", "met", "rowhouse µs", "PostgreSQL µs",
         "client µs", "note"]
TO_THE_RIGHT = {"result", "against", "ratio", "range", "target", "rowhouse µs", "PostgreSQL µs", "client µs"}


@dataclass
class Row:
    """µs are CPU per request, or per row loaded. range: of the ratio (or result) over the rounds."""
    measurement: str
    result: str = ""
    against: str = ""
    ratio: str = ""
    range: str = ""
    target: str = ""
    met: str = ""
    rowhouse: str = ""
    postgres: str = ""
    client: str = ""
    note: str = ""


def median(values):
    return statistics.median(values)


def spread(values, form="{:.2f}"):
    return f"{form.format(min(values))}-{form.format(max(values))}" if len(values) > 1 else ""


def us(seconds_each):
    """Median of CPU seconds per unit, as µs."""
    return f"{median(seconds_each) * 1e6:.1f}"


def met(ok):
    return "yes" if ok else "NO"


def text_of(rows):
    cells = [HEADS] + [list(vars(r).values()) for r in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEADS))]

    right = [head in TO_THE_RIGHT for head in HEADS]

    def line_of(line):
        return "| " + " | ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right)) + " |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if r else "-") for w, r in zip(widths, right)) + "|"
    return "\n".join([line_of(cells[0]), rule, *map(line_of, cells[1:])])
