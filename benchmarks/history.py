"""The runs that are kept, one JSON object a line, and a drawing of them in which a regression is seen."""

import json
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

type Run = dict[str, Any]

KEPT = Path(__file__).with_name("history.jsonl")
_DRAWN = 40  # the newest runs
_WIDTH, _PANEL, _HEIGHT, _LEFT, _RIGHT = 860, 56, 40, 330, 90  # pixels
_TOP = 1.25  # share of the target at a panel's upper edge
_MET, _MISSED = "#1a7f37", "#cf222e"

_IMAGE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"
  font-size="12">
<rect width="{width}" height="{height}" fill="#fff"/>
<text x="10" y="20" font-weight="bold">What the worst figure of each row uses of its target, run after run</text>
{panels}</svg>
"""
_PANEL_OF_ROW = """<text x="10" y="{text}">{name}</text>
<line x1="{left}" x2="{right}" y1="{target:.1f}" y2="{target:.1f}" stroke="{missed}" stroke-dasharray="3"/>
<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>
<circle cx="{x:.0f}" cy="{y:.1f}" r="3" fill="{colour}"/>
<text x="{number}" y="{text}" fill="{colour}">{used}</text>
"""


def kept(path: Path = KEPT) -> list[Run]:
    """The runs that were kept, oldest first."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep(run: Run, path: Path = KEPT) -> None:
    """Adds a run."""
    with path.open("a") as file:
        file.write(json.dumps(run, separators=(",", ":")) + "\n")


def drawing(runs: Sequence[Run]) -> str:
    """An SVG with a panel for each row: what its worst figure uses of the target, run after run."""
    runs = runs[-_DRAWN:]
    rows = sorted({figure["row"] for run in runs for figure in run["figures"]})
    panels = [_panel(row, runs, 40 + at * _PANEL) for at, row in enumerate(rows)]
    return _IMAGE.format(width=_WIDTH, height=50 + len(rows) * _PANEL, panels="".join(panels))


def _panel(row: int, runs: Sequence[Run], top: float) -> str:
    worst = [_worst(row, run) for run in runs]
    points = [(_x(at, len(runs)), _y(each["used"], top)) for at, each in enumerate(worst) if each]
    known = next(each for each in reversed(worst) if each)
    last = worst[-1] or known | {"met": False, "used": math.inf}  # a row that was not measured is not met
    return _PANEL_OF_ROW.format(
        name=f"{row}  {escape(_shortened(last['metric']))}",
        colour=_MET if last["met"] else _MISSED,
        line=" ".join(f"{x:.0f},{y:.1f}" for x, y in points),
        x=points[-1][0],
        y=points[-1][1],
        used=f"{last['used']:.0%}" if math.isfinite(last["used"]) else "none",
        target=_y(1, top),
        text=top + 24,
        left=_LEFT,
        right=_WIDTH - _RIGHT,
        number=_WIDTH - _RIGHT + 12,
        missed=_MISSED,
    )


def _worst(row: int, run: Run) -> dict[str, Any] | None:
    return max((each for each in run["figures"] if each["row"] == row), key=lambda each: each["used"], default=None)


def _shortened(metric: str, most: int = 50) -> str:
    return metric if len(metric) <= most else f"{metric[: most - 1]}…"


def _x(at: int, runs: int) -> float:
    return _LEFT + 6 + at * (_WIDTH - _LEFT - _RIGHT - 12) / max(1, runs - 1)


def _y(used: float, top: float) -> float:
    return top + _HEIGHT * (1 - min(used, _TOP) / _TOP)
