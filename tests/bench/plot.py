"""Draws the pictures of docs/benchmarks.md, as SVG."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pygal
from pygal.style import Style

from tests.bench.figures import PARTS, SUBJECTS, Load, Sales

# pygal's import hook for plugins uses an API that Python 3.11 warns of and 3.12 does not have.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

STATIONS: Mapping[str, Sequence[str]] = {
    "gateway": ["gateway"],
    "purchase": ["purchase"],
    "Redis": ["redis"],
    "relay, broker": ["relay", "rabbitmq"],
    "read model": ["terminal-read", "mysql"],
    "write model": ["terminal-write"],
}
"""The stations of a sale and their processes. DynamoDB's stand-in, left out, would hide them."""

# Colour-blind people can distinguish these (Paul Tol's bright scheme); the labels are legible.
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
LABELS = ("white", "black", "white", "black", "black", "white")


def of_sales(sales: Sales) -> bytes:
    """Draw the median CPU time of one answer, by subject."""
    series = {part: [sales.cpu_us(subject, part) for subject in SUBJECTS] for part in PARTS}
    return _draw("CPU time of one answer, median", SUBJECTS, series)


def of_loads(loads: Sequence[Load]) -> bytes:
    """Draw the CPU time of one sold seat, by the ratio of duplicates."""
    labels = [f"{load.duplicates} × duplicates" for load in loads]
    series = {
        station: [sum(load.cpu_us[part] for part in parts) for load in loads] for station, parts in STATIONS.items()
    }
    return _draw("CPU time of one sold seat, without the stand-in of DynamoDB", labels, series)


def _draw(title: str, labels: Sequence[str], series: Mapping[str, Sequence[float]]) -> bytes:
    """Draw stacked bars in microseconds, the first one on top."""
    style = Style(
        background="white",
        plot_background="white",
        font_family="sans-serif",
        colors=COLOURS,
        value_colors=LABELS,
        opacity=1,
        title_font_size=15,
        label_font_size=13,
        major_label_font_size=13,
        legend_font_size=13,
        value_font_size=12,
    )
    chart = pygal.HorizontalStackedBar(
        style=style,
        width=860,
        height=150 + 50 * len(labels),
        title=title,
        x_title="microseconds of CPU time",
        x_labels=labels[::-1],
        print_values=True,
        formatter=lambda value: f"{value:,.0f}" if value else "",
        legend_at_bottom=True,
        legend_at_bottom_columns=len(series),
        truncate_legend=-1,
        truncate_label=-1,
        js=(),
        no_prefix=True,
    )
    for name, values in series.items():
        chart.add(name, values[::-1])
    chart.add_xml_filter(_without_script)
    drawn: bytes = chart.render()
    return drawn


def _without_script(root: Any) -> Any:
    """Remove the script, which a picture does not need."""
    definitions = root.find("defs")
    definitions.remove(definitions.find("script"))
    return root
