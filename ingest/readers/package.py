"""Zip packages, opened with care: what DOCX, XLSX, ODT and archives are made of.

Nothing is unpacked onto the disk. How much may come out is settled before anything is inflated, and checked again while it is, since a
package can lie about its sizes. XML is read without entities, document types and network.

    package = Package.open(file)
    package.xml("content.xml")
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

from ingest.errors import refuse
from ingest.readers.document import MAX_BYTES, File

MAX_MEMBERS = 10_000
MAX_TOTAL_BYTES = 400_000_000
MAX_RATIO = 200  # DEFLATE can do 1,032; XML and tables of real documents stay below 100
_SMALL_BYTES = 1_000_000  # of which a high ratio is no harm
# What zipfile raises; the last also for unknown methods.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)


class Package:
    """An opened zip file whose members are read one at a time, each within bounds."""

    def __init__(self, name: str, archive: zipfile.ZipFile) -> None:
        self._name, self._archive = name, archive

    @classmethod
    def open(cls, file: File) -> Package:
        """Open the package. Raises SourceError when it is damaged or holds more than is reasonable."""
        try:
            archive = zipfile.ZipFile(io.BytesIO(file.data))
        except _DAMAGED as error:
            raise refuse(file.name, f"is damaged or not what its name says ({error}); save it anew") from error
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise refuse(file.name, f"holds {len(members):,} files, more than {MAX_MEMBERS:,}; divide it")
        if sum(member.file_size for member in members) > MAX_TOTAL_BYTES:
            raise refuse(file.name, f"would unpack to more than {MAX_TOTAL_BYTES // 1_000_000} MB; divide it")
        return cls(file.name, archive)

    def members(self) -> list[zipfile.ZipInfo]:
        return [member for member in self._archive.infolist() if not member.is_dir()]

    def __contains__(self, name: str) -> bool:
        return name in self._archive.namelist()

    def read(self, member: zipfile.ZipInfo | str) -> bytes:
        """Inflate a member. Raises SourceError when it is missing, encrypted, damaged or out of proportion."""
        try:
            info = self._archive.getinfo(member) if isinstance(member, str) else member
        except KeyError as error:
            raise refuse(self._name, f'lacks its part "{member}"; it is damaged or not what its name says, save it anew') from error
        if info.flag_bits & 1:
            raise refuse(self._name, f'is protected by a password ("{info.filename}"); save it without one')
        if info.file_size > MAX_BYTES:
            raise refuse(self._name, f'holds "{info.filename}", larger than {MAX_BYTES // 1_000_000} MB; split it')
        if info.file_size > max(_SMALL_BYTES, MAX_RATIO * info.compress_size):
            raise refuse(self._name, f'holds "{info.filename}", which swells more than {MAX_RATIO} times; it is taken for an attack')
        try:
            with self._archive.open(info) as opened:
                return opened.read(info.file_size)
        except _DAMAGED as error:
            raise refuse(self._name, f'holds a damaged "{info.filename}" ({error}); save it anew') from error

    def xml(self, name: str) -> Any:
        """Parse a member as XML. Raises SourceError for what is damaged, and for a document type, which no office program writes."""
        return parse_xml(self.read(name), self._name)


def parse_xml(data: bytes, name: str) -> Any:
    """Parse XML without entities, document types and network. Raises SourceError."""
    from lxml import etree

    safe = {"resolve_entities": False, "load_dtd": False, "no_network": True, "huge_tree": False}
    parser = etree.XMLParser(remove_comments=True, remove_pis=True, **safe)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise refuse(name, f"holds damaged XML ({error}); save it anew") from error
    if root.getroottree().docinfo.doctype:
        raise refuse(name, "holds XML with a document type, which can be an attack; open it in its program and save it anew")
    return root
