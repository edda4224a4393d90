"""ZIP archives of statements: each member is read as if it lay in a folder; nothing is unpacked onto the disk.

for found in read_zip(File("2024.zip", ".zip", data)): ...
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from zipfile import ZipInfo

from ingest.errors import refuse
from ingest.readers.document import Document, File, Working, within
from ingest.readers.package import Package
from rag.errors import SourceError
from rag.schema import Problem

_IGNORED = ("__MACOSX", "Thumbs.db")
_LONGEST_NAME = 1_000  # characters, folders included; systems unpack none that is much longer


def read_zip(file: File) -> Iterator[Document | Problem | Working]:
    """Yield the documents of every member, and a problem for each member that cannot be read."""
    package, found = Package.open(file), False
    for member in package.members():
        path = PurePosixPath(_name(member).replace("\\", "/"))
        if any((part.startswith(".") and part != "..") or part in _IGNORED for part in path.parts):
            continue
        found = True
        try:
            yield from _read(file, package, member, path)
        except SourceError as error:
            yield Problem(f"{file.name}#{str(path)[:_LONGEST_NAME]}", str(error))
    if not found:
        raise refuse(file.name, "is an archive without files; leave it out or check that it was saved completely")


def _read(file: File, package: Package, member: ZipInfo, path: PurePosixPath) -> Iterator[Document | Problem | Working]:
    from ingest.readers import READERS

    if len(str(path)) > _LONGEST_NAME:
        reason = f"has a name of more than {_LONGEST_NAME:,} characters; rename it and pack the archive anew"
        raise refuse(f"{file.name}#{str(path)[:60]}…", reason)
    whole, suffix = f"{file.name}#{path}", path.suffix.lower()
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise refuse(whole, "has a name that leads out of its archive; it is taken for an attack, pack it anew")
    if suffix == ".zip":
        raise refuse(whole, "is an archive inside an archive; unpack it and ingest it beside this one")
    if suffix not in READERS:
        raise refuse(whole, f"is of a format that is not read; supported are {', '.join(sorted(READERS))}")
    for found in READERS[suffix](replace(file, name=whole, suffix=suffix, data=package.read(member))):
        yield within(found, str(path), whole) if isinstance(found, Document) else found


def _name(member: ZipInfo) -> str:
    """The member's name; what is not marked as UTF-8 may still be, as tools on Linux and macOS write it, or an Arabic code page."""
    if member.flag_bits & 0x800:
        return member.filename
    raw = member.filename.encode("cp437", errors="replace")
    for encoding in ("utf-8", "cp1256"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.filename
