"""The report's plots, as SVG in the page: no script, no picture file. Colours are the page's own (`--ink`, `--right`, …).

plots(rows, groups)  # list of Plot
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, quantiles

from evals.measuring.measures import QUOTES, expected, is_evidence
from evals.measuring.rows import Row
from evals.measuring.summary import Estimate
from evals.questions.overlap import holds

WIDTH, HEIGHT = 460, 250
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 44
BINS = 10
LEAST = 5  # answers from which a distribution is worth drawing


@dataclass(frozen=True)
class Plot:
    """`svg` is ready for the page; `caption` says how to read it."""

    title: str
    caption: str
    svg: str


@dataclass(frozen=True)
class _Axis:
    """Values to a stretch of pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1)
        return round(self.start + share * (self.end - self.start), 1)


def plots(rows: Sequence[Row], groups: Mapping[str, Mapping[str, Estimate]]) -> list[Plot]:
    """Return the plots that the rows of one set have something to show for."""
    made = [_cells(groups), _calibration(rows), _latency(rows), _ranks(rows)]
    return [plot for plot in made if plot]


def _cells(groups: Mapping[str, Mapping[str, Estimate]]) -> Plot | None:
    """A bar a cell, with its interval."""
    measure = "right" if any("right" in found for found in groups.values()) else "R@5"
    cells = {name: found[measure] for name, found in groups.items() if "->" in name and measure in found}
    if not cells:
        return None
    x = _Axis(0, 1, LEFT + 20, WIDTH - RIGHT)
    step = (HEIGHT - TOP - BOTTOM) / len(cells)
    parts = [_x_ticks(x, [0, 0.25, 0.5, 0.75, 1])]
    for number, (name, item) in enumerate(cells.items()):
        y = TOP + step * (number + 0.5)
        height = min(22, step * 0.6)
        parts.append(
            f'<rect class="bar" x="{x.start}" y="{y - height / 2:.1f}" width="{x.at(item.value) - x.start:.1f}" height="{height:.1f}"/>'
        )
        parts.append(f'<path class="interval" d="M{x.at(item.low)} {y:.1f}H{x.at(item.high)}m0-4v8M{x.at(item.low)} {y - 4:.1f}v8"/>')
        parts.append(_text(x.start - 6, y + 4, name.replace("->", "→"), "end"))
    caption = f"“{measure}” by language cell, question → statement, with 95 % intervals; “none”: nothing in the statements answers."
    return Plot("Language cells", caption, _svg([*parts, _label_x(measure)]))


def _calibration(rows: Sequence[Row]) -> Plot | None:
    """How often the best quotes held the answer, by how sure the system was that they do."""
    sure = [(row.confidence, _best_quotes_hold(row)) for row in rows if row.confidence is not None and row.answer is not None]
    if len(sure) < LEAST:
        return None
    x, y = _Axis(0, 1, LEFT, WIDTH - RIGHT), _Axis(0, 1, HEIGHT - BOTTOM, TOP)
    bins: dict[int, list[tuple[float, bool]]] = {}
    for confidence, held in sure:
        bins.setdefault(min(int(confidence * BINS), BINS - 1), []).append((confidence, held))
    points = [(mean(c for c, _ in found), mean(held for _, held in found), len(found)) for _, found in sorted(bins.items())]
    error = sum(abs(c - held) * count for c, held, count in points) / len(sure)
    path = "L".join(f"{x.at(c)} {y.at(held)}" for c, held, _ in points)
    dots = [
        f'<circle class="dot" cx="{x.at(c)}" cy="{y.at(h)}" r="{3 + 9 * (n / len(sure)) ** 0.5:.1f}"><title>{n} answers</title></circle>'
        for c, h, n in points
    ]
    diagonal = f'<path class="guide" d="M{x.at(0)} {y.at(0)}L{x.at(1)} {y.at(1)}"/>'
    parts = [_x_ticks(x, [0, 0.25, 0.5, 0.75, 1]), _y_ticks(y, [0, 0.5, 1]), diagonal, f'<path class="line" d="M{path}"/>', *dots]
    caption = (
        f"Confidence against how often the first {QUOTES} quotes, cited or offered, held evidence; on the dashed line both agree. "
        f"Expected calibration error {error:.2f}."
    )
    return Plot("Calibration", caption, _svg([*parts, _label_x("confidence"), _label_y("held evidence")]))


def _best_quotes_hold(row: Row) -> bool:
    return any(holds(quote.quote, stretch) for quote in row.quotes[:QUOTES] for stretch in expected(row.question))


def _latency(rows: Sequence[Row]) -> Plot | None:
    times = sorted(row.latency_ms for row in rows if row.error is None)
    if len(times) < LEAST:
        return None
    top = times[int(len(times) * 0.98)] or 1.0  # the slowest few, the first question among them, would flatten the rest
    x = _Axis(0, top, LEFT, WIDTH - RIGHT)
    count = 24
    heights = [0] * count
    for time in times:
        heights[min(int(time / top * count), count - 1)] += 1
    y = _Axis(0, max(heights), HEIGHT - BOTTOM, TOP)
    width = (x.end - x.start) / count
    bars = [_rect("bar", x.start + number * width, y.at(height), width - 1, y.start) for number, height in enumerate(heights)]
    ticks = [_x_ticks(x, [round(top * part) for part in (0, 0.25, 0.5, 0.75, 1)]), _y_ticks(y, [0, max(heights)])]
    caption = "How long an answer took; the slowest 2 % are gathered in the last bar."
    return Plot("Latency", caption, _svg([*ticks, *bars, _label_x("milliseconds"), _label_y("answers")]))


def _ranks(rows: Sequence[Row]) -> Plot | None:
    """The middle half of the scores at each rank, and where the evidence was."""
    at: dict[int, list[tuple[float, bool]]] = {}
    for row in rows:
        for rank, hit in enumerate(row.hits, 1):
            at.setdefault(rank, []).append((hit.score, row.question.answerable and is_evidence(hit, row)))
    at = {rank: found for rank, found in at.items() if len(found) >= 2}
    if not at:
        return None
    scores = [score for found in at.values() for score, _ in found]
    x, y = _Axis(0.5, max(at) + 0.5, LEFT, WIDTH - RIGHT), _Axis(min(scores), max(scores), HEIGHT - BOTTOM, TOP)
    width = (x.end - x.start) / max(at) * 0.6
    parts = [_x_ticks(x, sorted(at)), _y_ticks(y, [min(scores), max(scores)])]
    for rank, found in at.items():
        low, middle, high = quantiles([score for score, _ in found], n=4)
        low, high = max(low, y.low), min(high, y.high)
        parts.append(_rect("box", x.at(rank) - width / 2, y.at(high), width, y.at(low)))
        parts.append(f'<path class="median" d="M{x.at(rank) - width / 2:.1f} {y.at(middle)}h{width:.1f}"/>')
        parts += [
            f'<circle class="hit" cx="{x.at(rank) + (n % 7 - 3) * width / 8:.1f}" cy="{y.at(score)}" r="2"/>'
            for n, (score, held) in enumerate(found)
            if held
        ]
    caption = "Scores of the passages at each rank (box: the middle half, line: the median); each dot is a passage that holds evidence."
    return Plot("Score against passage rank", caption, _svg([*parts, _label_x("rank"), _label_y("score")]))


# SVG


def _svg(parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" direction="ltr" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _rect(kind: str, x: float, top: float, width: float, bottom: float) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{top}" width="{width:.1f}" height="{bottom - top:.1f}"/>'


def _x_ticks(axis: _Axis, values: Sequence[float]) -> str:
    base = HEIGHT - BOTTOM
    lines = [f'<path class="grid" d="M{axis.at(value)} {TOP}V{base}"/>' for value in values]
    return "".join([*lines, *(_text(axis.at(value), base + 16, f"{value:g}", "middle") for value in values)])


def _y_ticks(axis: _Axis, values: Sequence[float]) -> str:
    lines = [f'<path class="grid" d="M{LEFT} {axis.at(value)}H{WIDTH - RIGHT}"/>' for value in values]
    return "".join([*lines, *(_text(LEFT - 6, axis.at(value) + 4, f"{value:.3g}", "end") for value in values)])


def _label_x(text: str) -> str:
    return _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, text, "middle")


def _label_y(text: str) -> str:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{text}</text>'
