"""Where statements come from: files, folders, addresses and what lies inside a file, each place with its name.

A place is a path, or for what a file holds beside others a path with its part: `press.zip#march/denial.docx`, `press.csv#17`. Knows
nothing of what a file says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import refuse
from ingest.readers import READERS, Document
from ingest.sidecar import SIDECAR
from rag.schema import Problem

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """What was read at one place. `whole`: all of it could be read, so that what it no longer holds is known to be gone from it."""

    place: str
    documents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()
    stem: str = ""  # what the ids of its statements begin with
    whole: bool = True
    unchanged: bool = False  # since it was last read, by what its server says
    gone: bool = False  # its server says that there is nothing (any more)


def find_sources(sources: Sequence[str | Path]) -> tuple[list[Path], list[str]]:
    """Return the files meant by `sources`: each file itself, and those below a folder; and the addresses among them.

    Hidden files and links out of a folder are passed over. Raises SourceError for a path that does not exist, an address that is none of
    the web, and when there is nothing at all.
    """
    found: dict[Path, None] = {}
    addresses: dict[str, None] = {}
    for source in sources:
        if is_address(source):
            if not str(source).lower().startswith(("http://", "https://")):
                raise refuse(source, "is no address of the web; give one that begins with https://, or save the page and ingest the file")
            addresses[str(source)] = None
            continue
        if not str(source).strip():  # as an unset variable of a script gives; Path takes it for the folder that one happens to be in
            raise refuse(source, "names nothing; give a file, a folder or an address, or . for this folder")
        path = Path(source)
        if not _is_there(path):
            raise refuse(source, "does not exist; give a file or a folder of statements")
        if path.is_dir():
            found |= dict.fromkeys(_files_below(path.resolve()))
        else:
            found[path.resolve()] = None
    if not (found or addresses):
        raise refuse(", ".join(map(str, sources)), f"holds no file to read; supported are {', '.join(sorted(READERS))}")
    return list(found), list(addresses)


def is_address(source: str | Path) -> bool:
    return bool(_ADDRESS.match(str(source)))


def place_of(file: str, part: str) -> str:
    """Return the name of a part of a file, or the file's own."""
    return f"{file}#{part}" if part else file


def file_of(place: str) -> str:
    """Return the file that a place is in or is; of a file that is gone, the longest path that can be meant."""
    if is_address(place):
        return place.partition("#")[0]
    ends = [at for at, char in enumerate(place) if char == "#"]
    if not ends or _is_there(Path(place), file=True):
        return place
    return next((place[:end] for end in ends if _is_there(Path(place[:end]), file=True)), place)


def exists(place: str) -> bool:
    """Say whether what was read from a place is still to be found there; of an address, that cannot be known."""
    return is_address(place) or _is_there(Path(file_of(place)))


def below(place: str, folders: Sequence[Path]) -> bool:
    """Say whether a place lies below one of the folders."""
    return not is_address(place) and any(folder in Path(place).parents for folder in folders)


def _is_there(path: Path, *, file: bool = False) -> bool:
    """Say whether a path names something; one longer than the system's names are names nothing."""
    try:
        return path.is_file() if file else path.exists()
    except OSError:
        return False


def _files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.is_file() and folder in path.resolve().parents
        if inside and not path.name.endswith(SIDECAR) and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path
