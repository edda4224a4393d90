"""E-mails as press offices send them: the message and its attachments, each a document.

for found in read_mail(File("press-release.eml", ".eml", data)): ...
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import PurePosixPath

from ingest.errors import refuse
from ingest.metadata import mail_date
from ingest.readers.document import Document, File, Working, within, without_halves
from ingest.readers.scan import read_image
from ingest.readers.text import decode, read_text
from ingest.readers.web import read_html
from rag.errors import SourceError
from rag.schema import Problem

MAX_PARTS = 100
_NOT_ATTACHED = (".zip", ".eml")  # nothing is opened that holds more files in turn


def read_mail(file: File) -> Iterator[Document | Problem | Working]:
    """Yield the message, if it says anything, and every attachment of a supported format."""
    message = email.message_from_bytes(file.data, _class=EmailMessage, policy=email.policy.default)
    if not (message.keys() and (message["from"] or message["subject"] or message["date"])):
        raise refuse(file.name, "has no sender, subject or date: it is no e-mail; save it as text if it is one")
    parts = list(message.walk())
    if len(parts) > MAX_PARTS:
        raise refuse(file.name, f"has {len(parts)} parts, more than {MAX_PARTS}; save what matters of it as text")
    attached = [part for part in parts if not part.is_multipart() and part.get_filename()]
    body = _body(file, message)
    if body is None and not attached:
        raise refuse(file.name, "holds no text; leave it out or check that it was saved completely")
    if body is not None:
        yield body
    for part in attached:
        yield from _attachment(file, part)


def _body(file: File, message: EmailMessage) -> Document | None:
    part = message.get_body(preferencelist=("plain", "html"))
    data = part.get_payload(decode=True) if part is not None else None
    if part is None or not isinstance(data, bytes) or not data.strip():
        return None
    text = decode(replace(file, data=data, charset=part.get_content_charset()), part.get_content_charset())
    document = read_html(text) if part.get_content_type() == "text/html" else read_text(text.replace("\r\n", "\n"))
    if not any(char.isalnum() for char in document.text):
        return None
    sender, address = parseaddr(str(message["from"] or ""))
    said = {"title": _line(message["subject"]), "issuer": _line(sender) or _line(address), "date": mail_date(message["date"])}
    return document.with_metadata("e-mail header", **said)


def _attachment(file: File, part: EmailMessage) -> Iterator[Document | Problem | Working]:
    """The documents of an attachment; pictures, signatures and the like are passed over."""
    from ingest.readers import READERS

    name = PurePosixPath(without_halves(part.get_filename() or "").replace("\\", "/")).name
    suffix, data = PurePosixPath(name).suffix.lower(), part.get_payload(decode=True)
    whole = f"{file.name}#{name}"
    if suffix in _NOT_ATTACHED:
        yield Problem(whole, str(refuse(whole, "is an archive inside an e-mail; save it beside the e-mail and ingest it")))
    elif suffix in READERS and READERS[suffix] is not read_image and isinstance(data, bytes):  # pictures are mostly logos
        try:
            for found in READERS[suffix](replace(file, name=whole, suffix=suffix, data=data, charset=None)):
                yield within(found, name, whole) if isinstance(found, Document) else found
        except SourceError as error:
            yield Problem(whole, str(error))


def _line(header: object) -> str | None:
    return " ".join(str(header or "").split()) or None
