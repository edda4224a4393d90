"""Write the gazetteer: names that no rule of spelling gives in the other language, each with its kind and its source.

    python -m evals.learning.gazetteer     # rag/language/resources/gazetteer.tsv anew; needs Babel, of the extra `dev`

What CLDR tells of countries, through Babel, is written anew; lines with the source `review` are written and kept by hand, and come first
where both have a name. GeoNames is not used: its Arabic-script names are of several languages, unlabelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from rag.language import fold

GAZETTEER = Path(str(files("rag.language.resources"))) / "gazetteer.tsv"
HEAD = """# Names in both languages: English forms, tab, Arabic forms, tab, kind, tab, source.
# Forms are separated by ` | `; the first is the one that Bayan writes.
# Made by `python -m evals.learning.gazetteer`; lines with the source `review` are kept by hand.
"""
# Groups, and parts of countries
NO_COUNTRIES = frozenset(
    ["AC", "CC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"]
)  # groups, and parts of countries


def main() -> None:
    kept = [line for line in GAZETTEER.read_text(encoding="utf-8").splitlines() if line.endswith("\treview")]
    taken = {form for line in kept for form in _folded(line)}
    made = [line for line in countries() if taken.isdisjoint(_folded(line))]
    GAZETTEER.write_text(HEAD + "\n".join([*sorted(made), *kept]) + "\n", encoding="utf-8")
    print(f"{len(made)} names of CLDR, {len(kept)} reviewed")


def countries() -> Iterator[str]:
    """Yield a line for each country and territory of CLDR."""
    from babel import Locale

    english, arabic = Locale("en").territories, Locale("ar").territories
    for code in sorted(english):
        if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES and code in arabic:
            names = [dict.fromkeys(_plain(names[code])) for names in (english, arabic)]
            yield "\t".join([*(" | ".join(forms) for forms in names), "country", "CLDR"])


def _folded(line: str) -> list[str]:
    return [fold(form.strip()) for part in line.split("\t")[:2] for form in part.split("|")]


def _plain(name: str) -> Iterator[str]:
    """A name without what explains it in brackets, then the explanation as a form of its own; Hong Kong loses its status."""
    whole, _, explained = name.replace("]", ")").replace("[", "(").partition(" (")
    yield whole.replace(" SAR China", "").replace("، الصين", "").strip()
    if explained and " " not in explained:
        yield explained.rstrip(")")


if __name__ == "__main__":
    main()
