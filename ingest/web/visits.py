"""What servers said when they were last asked, so that a later run asks only whether something has changed.

`web.json` in the index folder; without it everything is fetched again, and nothing else is lost.

    visits = Visits(Path("index"))
    visits["https://example.org/a"] = Visit("https://example.org/a", {"If-None-Match": '"x"'})
    visits.save()
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ingest.readers import Link

VISITS = "web.json"


@dataclass(frozen=True)
class Visit:
    """`place`: where redirects led; `changed`: what the list that named the address said of its last change; `links`: of a list, without
    their texts."""

    place: str
    validators: Mapping[str, str] = field(default_factory=dict)
    changed: str = ""
    links: tuple[Link, ...] = ()


class Visits(dict[str, Visit]):
    """The visits of an index, by the address asked for."""

    def __init__(self, index: Path) -> None:
        self._path = index / VISITS
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            super().__init__({key: Visit(**{**said, "links": tuple(Link(**link) for link in said["links"])}) for key, said in told.items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):  # none yet, or damaged: everything is asked for anew
            super().__init__()

    def save(self) -> None:
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps({key: asdict(visit) for key, visit in self.items()}, ensure_ascii=False), encoding="utf-8")
        os.replace(partial, self._path)
