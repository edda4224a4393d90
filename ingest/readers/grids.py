"""Ruled tables of a PDF's page: from the lines that are drawn on it to the cells in which its words stand.

Tables without rules are not told from columns of text, and are left as they are.

    for grid in grids(page): grid.cell(x, y)
"""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

MAX_STROKES, MAX_RULES = 3_000, 600  # of a page; maps and plots have more, tables do not
_LEAST = 8.0  # points; shorter strokes are letters, bullets and ornaments
_NEAR = 3.0  # points: the two edges of a thick rule, and rules that nearly meet


@dataclass(frozen=True)
class Rule:
    """A straight line at `at`, from `begin` to `end` along the other axis, in points."""

    at: float
    begin: float
    end: float


@dataclass(frozen=True)
class Grid:
    """A table: where its rows begin, from the top, and the rules that part the cells of a row."""

    ys: tuple[float, ...]  # of the rules that lie, highest first
    standing: tuple[Rule, ...]
    left: float
    right: float

    def cell(self, x: float, y: float) -> tuple[int, int] | None:
        """Return row and column of the cell round a point, from the top and from the left; None outside the table."""
        row = bisect_right([-above for above in self.ys], -y) - 1
        if not (0 <= row < len(self.ys) - 1 and self.left - _NEAR <= x <= self.right + _NEAR):
            return None
        middle = (self.ys[row] + self.ys[row + 1]) / 2
        return row, sum(rule.at <= x for rule in self.standing if rule.begin - _NEAR <= middle <= rule.end + _NEAR)


def grids(page: Any) -> list[Grid]:
    """Return the tables of a PDFium page that have two rows and two columns at least, highest first."""
    lying, standing = _rules(page)
    found = [grid for group in _joined(lying, standing) if (grid := _grid(*group))]
    return sorted(found, key=lambda grid: -grid.ys[0])


def _rules(page: Any) -> tuple[list[Rule], list[Rule]]:
    """The lines that lie and those that stand, each merged where they are drawn in pieces or have two edges."""
    lying: list[Rule] = []
    standing: list[Rule] = []
    for (x, y), (to_x, to_y) in _strokes(page):
        if abs(y - to_y) < 1 and abs(x - to_x) >= _LEAST:
            lying.append(Rule(y, min(x, to_x), max(x, to_x)))
        elif abs(x - to_x) < 1 and abs(y - to_y) >= _LEAST:
            standing.append(Rule(x, min(y, to_y), max(y, to_y)))
        if len(lying) + len(standing) > MAX_STROKES:
            return [], []
    lying, standing = _merged(lying), _merged(standing)
    return (lying, standing) if len(lying) + len(standing) <= MAX_RULES else ([], [])


def _strokes(page: Any) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """The straight strokes of the page's paths, in the page's coordinates."""
    import pypdfium2.raw as raw

    x, y, matrix = ctypes.c_float(), ctypes.c_float(), raw.FS_MATRIX()
    for drawn in page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH], max_depth=1):
        raw.FPDFPageObj_GetMatrix(drawn.raw, matrix)
        begin = last = (0.0, 0.0)
        for number in range(min(raw.FPDFPath_CountSegments(drawn.raw), MAX_STROKES)):
            segment = raw.FPDFPath_GetPathSegment(drawn.raw, number)
            raw.FPDFPathSegment_GetPoint(segment, x, y)
            across, up = matrix.a * x.value + matrix.c * y.value + matrix.e, matrix.b * x.value + matrix.d * y.value + matrix.f
            kind = raw.FPDFPathSegment_GetType(segment)
            if kind == raw.FPDF_SEGMENT_MOVETO:
                begin = across, up
            elif kind == raw.FPDF_SEGMENT_LINETO:
                yield last, (across, up)
            last = across, up
            if raw.FPDFPathSegment_GetClose(segment):
                yield last, begin


def _merged(rules: Iterable[Rule]) -> list[Rule]:
    """Rules in order of their places, those that continue or repeat one another made one."""
    found: list[Rule] = []
    for rule in sorted(rules, key=lambda rule: (rule.at, rule.begin)):
        for at in range(len(found) - 1, -1, -1):
            other = found[at]
            if rule.at - other.at > _NEAR:
                found.append(rule)
                break
            if rule.begin <= other.end + _NEAR and other.begin <= rule.end + _NEAR:
                found[at] = Rule(other.at, min(rule.begin, other.begin), max(rule.end, other.end))
                break
        else:
            found.append(rule)
    return found


def _joined(lying: Sequence[Rule], standing: Sequence[Rule]) -> Iterator[tuple[list[Rule], list[Rule]]]:
    """Groups of rules that meet, directly or through others."""
    left = {("lying", rule) for rule in lying} | {("standing", rule) for rule in standing}
    while left:
        group, edge = set(), [left.pop()]
        while edge:
            kind, rule = edge.pop()
            group.add((kind, rule))
            met = {other for other in left if other[0] != kind and _meet(rule, other[1])}
            left -= met
            edge += met
        yield [rule for kind, rule in group if kind == "lying"], [rule for kind, rule in group if kind == "standing"]


def _meet(rule: Rule, across: Rule) -> bool:
    return rule.begin - _NEAR <= across.at <= rule.end + _NEAR and across.begin - _NEAR <= rule.at <= across.end + _NEAR


def _grid(lying: Sequence[Rule], standing: Sequence[Rule]) -> Grid | None:
    ys = sorted({round(rule.at, 1) for rule in lying}, reverse=True)
    ys = [y for number, y in enumerate(ys) if not number or ys[number - 1] - y > _NEAR]
    xs = sorted({round(rule.at, 1) for rule in standing})
    if len(ys) < 3 or len(xs) < 3:
        return None
    return Grid(tuple(ys), tuple(sorted(standing, key=lambda rule: rule.at)), xs[0], xs[-1])
