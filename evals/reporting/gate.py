"""What a run must reach to pass, and the result as JUnit for a build server.

R@5=.95             at least; of a measure where less is better, at most
refused.wrong<=.2   at most
ar->en:R@5>=.8      in one group: a cell, "answerable", "unanswerable", "tag:NAME"

check([parse("R@5=.95")], finished.summary)  # list of Verdict, one for each set
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from evals.measuring.measures import MEASURES
from evals.measuring.summary import ALL, Summary
from evals.reporting.compare import Comparison

_BAR = re.compile(r"(?:(?P<group>.+):)?(?P<measure>[^:<>=\s]+)\s*(?P<sign>>=|<=|=)\s*(?P<value>\d*\.?\d+)")


@dataclass(frozen=True)
class Bar:
    """A measure and what it is held against; `text` as it was asked for."""

    text: str
    group: str
    measure: str
    at_most: bool
    value: float


@dataclass(frozen=True)
class Verdict:
    """Whether a set passes, and one sentence that says so."""

    name: str
    passed: bool
    sentence: str


def parse(text: str) -> Bar:
    """Read MEASURE=VALUE. Raises ValueError saying what is allowed."""
    parts = _BAR.fullmatch(text.strip())
    if not parts:
        raise ValueError(f'"{text}" is not of the form MEASURE=VALUE, MEASURE>=VALUE, MEASURE<=VALUE or GROUP:MEASURE=VALUE')
    name = parts["measure"]
    if name not in MEASURES:
        raise ValueError(f'"{text}" names no measure; known are {", ".join(MEASURES)}')
    at_most = parts["sign"] == "<=" or (parts["sign"] == "=" and MEASURES[name].less_is_better)
    return Bar(text, parts["group"] or ALL, name, at_most, float(parts["value"]))


def check(bars: Sequence[Bar], summary: Summary) -> list[Verdict]:
    """Hold every set of a run against every bar; a measure that a set does not have fails it."""
    return [_verdict(bar, name, summary) for bar in bars for name in summary]


def _verdict(bar: Bar, set_name: str, summary: Summary) -> Verdict:
    found = summary[set_name].get(bar.group, {}).get(bar.measure)
    where = f"{set_name} {bar.group}" if bar.group != ALL else set_name
    if found is None:
        return Verdict(f"{set_name}: {bar.text}", False, f"{where}: {bar.measure} was not measured, {bar.text} is asked for")
    value = round(found.value, 9)  # 0.1 + 0.2 must not fail a bar of 0.3
    passed = value <= bar.value if bar.at_most else value >= bar.value
    relation = f"{'at most' if bar.at_most else 'at least'} {bar.value:g} {'holds' if passed else 'is asked for'}"
    return Verdict(f"{set_name}: {bar.text}", passed, f"{where}: {bar.measure} is {found.value:.4g}, {relation}")


def check_regressions(compared: Mapping[str, Comparison]) -> list[Verdict]:
    """Fail each set in which a measure is worse than before, beyond noise."""
    verdicts = []
    for name, comparison in compared.items():
        worse = [change for change in comparison.changes if change.is_worse]
        told = "; ".join(f"{c.name} went from {c.before:.4g} to {c.after:.4g} (p {c.p:.3f})" for c in worse)
        lost = f"; lost: {', '.join(comparison.lost)}" if worse and comparison.lost else ""
        verdicts.append(Verdict(f"{name}: no worse than before", not worse, f"{name}: {told or 'nothing is worse beyond noise'}{lost}"))
    return verdicts


def junit(verdicts: Sequence[Verdict], seconds: float) -> str:
    """Return the verdicts as JUnit XML: one test case each."""
    failures = sum(not verdict.passed for verdict in verdicts)
    counts = {"tests": str(len(verdicts)), "failures": str(failures), "errors": "0", "time": f"{seconds:.1f}"}
    suites = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": "bayan eval", **counts})
    for verdict in verdicts:
        case = ElementTree.SubElement(suite, "testcase", {"classname": "bayan.eval", "name": verdict.name})
        if not verdict.passed:
            ElementTree.SubElement(case, "failure", {"message": verdict.sentence}).text = verdict.sentence
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)
