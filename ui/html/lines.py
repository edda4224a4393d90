"""Records as lines for a terminal, where they are not wanted as JSON.

print(answer_text(assistant.ask("كم عدد القتلى؟")))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rag.controls import harmless

if TYPE_CHECKING:
    from rag.schema import Account, Answer, Citation, Difference, Facets, Hit, IngestReport, Statement


def echo(text: str, *, err: bool = False) -> None:
    """Print lines; nothing in them commands the terminal, be it from a document, an address or the name of a file."""
    click.echo(harmless(text), err=err)


def facets_text(facets: Facets) -> str:
    """Return the counts as lines."""
    kinds = (("issuers", facets.issuers), ("languages", facets.languages), ("sources", facets.sources), ("years", facets.years))
    told = [f"{name}:\n" + "\n".join(f"{count:7}  {value}" for value, count in counts.items()) for name, counts in kinds if counts]
    return "\n".join([f"{facets.statements} statements", *told])


def answer_text(answer: Answer) -> str:
    sources = "\n".join(citation_text(citation) for citation in (*answer.citations, *answer.nearest))
    return f"{answer.answer}\n\n{sources}" if sources else answer.answer


def citation_text(citation: Citation) -> str:
    known = " · ".join(part for part in (citation.title, citation.issuer, citation.date, _section(citation)) if part)
    return f"[{citation.number}] {known}\n    {citation.source}:{citation.start}–{citation.end}\n    {citation.quote}"


def hit_text(hit: Hit) -> str:
    copies = "".join(f"\n   also in {copy.source}" for copy in hit.copies)
    known = " · ".join(part for part in (hit.title, _section(hit)) if part)
    return f"{hit.rank}. {hit.score:.2f}  {known}\n   {hit.source}:{hit.start}–{hit.end}{copies}\n   {' '.join(hit.text.split())}"


def _section(about: Citation | Hit) -> str:
    return " › ".join(about.section)


def statement_text(statement: Statement) -> str:
    return f"{statement.statement_id}  {statement.date or '—':10}  {statement.language}  {statement.title}"


def account_text(account: Account) -> str:
    statement = account.statement
    lines = [statement_text(statement), *(f"  read at {place}" for place in (statement.read_from, *statement.also_at))]
    lines += [f"  cut ({cut.reason}): {' '.join(statement.text[cut.start : cut.end].split())}" for cut in statement.cuts]
    lines += [f"  left out of the page: {line}" for line in statement.left_out]
    for version in account.versions:
        lines += [f"  until {version.until}:", *map(difference_text, version.differences)]
    for near in account.related:
        lines += [
            f"  {near.likeness:.0%} like {near.statement_id}  {near.date or '—'}  {near.title}",
            *map(difference_text, near.differences),
        ]
    return "\n".join(lines)


def difference_text(difference: Difference) -> str:
    return f"    {difference.kind}: “{difference.text}” ↔ “{difference.other}”"


def report_text(report: IngestReport) -> str:
    counts = (report.added, report.updated, report.unchanged, report.removed, len(report.rejected))
    words = ("added", "updated", "unchanged", "removed", "rejected")
    told = ", ".join(f"{count} {word}" for count, word in zip(counts, words, strict=True))
    left_out = f"; {report.left_out} lines of pages left out, `bayan statements ID` tells them" if report.left_out else ""
    return f"{told}; {report.passages} passages written in {report.seconds:.1f} s{left_out}"


def model_text(row: dict[str, Any]) -> str:
    state = "installed" if row["installed"] else "not installed"
    return f"{row['name']:30} {row['kind']:10} {row['bytes'] / 1e6:7.0f} MB  {row['licence']:12} {state}"


def findings_text(record: dict[str, Any]) -> str:
    return "\n".join(
        f"{'ok ' if f.ok else 'BAD'}  {f.name:8} {f.detail}{f' → {f.remedy}' if f.remedy and not f.ok else ''}" for f in record["findings"]
    )
