"""A small assistant for the chat's browser tests, and the server they drive: python tests/fakes_ui.py [PORT [empty]].

Answers by key words of the question. Any connection of this process to another host is refused and reported on stderr as OUTBOUND.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rag.errors import IndexMissing, QuestionError, UnknownStatement
from rag.schema import Answer, Citation, Completed, Cut, Delta, Event, Facets, Filters, Hit, Language, Retrieved, Statement
from rag.settings import Settings

HOSTILE = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1> [x](javascript:pwned) ![i](http://evil.example/a.png)"
# What a document or a question may hold that a careless page would run, fetch or be restyled by.
ATTACKS = (
    *(f"<img src=x on{event}=window.pwned=1>" for event in ("error", "load", "click")),
    *(f"<{tag} onload=window.pwned=1>" for tag in ("svg", "body", "iframe", "object", "embed", "video", "audio")),
    *(f"<{tag}>window.pwned=1</{tag}>" for tag in ("script", "SCRIPT", "svg><script", "math><script", "noscript><script")),
    *(f'<a href="{scheme}window.pwned=1">x</a>' for scheme in ("javascript:", "JaVaScRiPt:", "java\tscript:", " javascript:", "vbscript:")),
    *(f'<a href="data:{kind},<script>window.pwned=1</script>">x</a>' for kind in ("text/html", "text/html;charset=utf-8", "image/svg+xml")),
    *(f"![x](http://evil.example/{name}.png)" for name in ("a", "b")),
    *(f"[x]({url})" for url in ("javascript:window.pwned=1", "data:text/html,x", "http://evil.example/")),
    "<style>*{display:none!important}</style>",
    "</style><style>body{background:red}</style>",
    "<link rel=stylesheet href=http://evil.example/a.css>",
    "<div style=position:fixed;inset:0;background:red>x</div>",
    "@import url(http://evil.example/b.css);",
    "background:url(http://evil.example/c.png)",
    "\\3c script\\3e window.pwned=1\\3c /script\\3e",
    "</blockquote></article></div></section><h1>x</h1>",
    "</textarea><script>window.pwned=1</script>",
    "</title><script>window.pwned=1</script>",
    "--><script>window.pwned=1</script><!--",
    "]]><script>window.pwned=1</script>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<base href=http://evil.example/>",
    "<form action=http://evil.example/><button autofocus onfocus=window.pwned=1>x</button></form>",
    "<input autofocus onfocus=window.pwned=1>",
    "<details open ontoggle=window.pwned=1>x</details>",
    "<marquee onstart=window.pwned=1>x</marquee>",
    "<template><script>window.pwned=1</script></template>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<svg><animate onbegin=window.pwned=1 attributeName=x dur=1s>",
    "<svg><use href=http://evil.example/d.svg#x></use></svg>",
    "<img srcset='http://evil.example/e.png 1x'>",
    "<video poster=http://evil.example/f.png></video>",
    "${window.pwned=1}",
    "{{window.pwned=1}}",
    "{{{value}}} #{window.pwned=1} <%= window.pwned=1 %>",
    "`${window.pwned=1}`",
    '" onmouseover="window.pwned=1',
    "' onfocus='window.pwned=1' autofocus='",
    "&lt;script&gt;window.pwned=1&lt;/script&gt;",
    "&#60;script&#62;window.pwned=1&#60;/script&#62;",
    "%3Cscript%3Ewindow.pwned=1%3C/script%3E",
    "\u202egnp.exe\u202c \u2066x\u2069",
    "<math><mtext><img src=x onerror=window.pwned=1></mtext></math>",
)
LEFTOVER = "شارك هذا الخبر على Facebook"
FILLER_AR = "وأكدت القيادة في بيانها أن العمل مستمر مع المنظمات الإنسانية لإيصال المساعدات إلى جميع المحتاجين في المنطقة. "
FILLER_EN = "The Mission continues to follow the situation closely and stands ready to assist all parties on the ground. "


def _statement(statement_id: str, text: str, title: str, issuer: str, date: str, source: str, language: Language) -> Statement:
    start = text.find(LEFTOVER)
    cuts = (Cut(start, start + len(LEFTOVER), "web leftover"),) if start >= 0 else ()
    return Statement(statement_id, f"r-{statement_id}", text, title, issuer, date, source, language, cuts)


QUOTE_AR = "استقبل مخيم «الهول» 121 عائلة عادت من العراق يوم 2024-03-15 بالتنسيق مع UNHCR ومنظمة Save the Children."
QUOTE_AR_2 = "وبلغ عدد العائلات العائدة منذ مطلع العام مئة وواحداً وعشرين عائلة (نحو 50% منهم أطفال)."
QUOTE_EN = (
    "The Mission received 14 reports of ceasefire violations between 3 and 9 May, and the spokesman of مجلس سوريا الديمقراطية denied them."
)
STATEMENTS = [
    _statement(
        "s-ar",
        f"بيان إلى الرأي العام\n\n{LEFTOVER}\n\n{FILLER_AR * 6}\n\n{QUOTE_AR}\n\n{QUOTE_AR_2}\n\n{FILLER_AR * 6}",
        "عودة 121 عائلة إلى مخيم الهول",
        "الإدارة الذاتية لشمال وشرق سوريا",
        "2024-03-16",
        "https://example.org/ar/statements/2024/03/16/return-of-families?id=121",
        "ar",
    ),
    _statement(
        "s-en",
        f"Press statement\n\n{FILLER_EN * 6}\n\n{QUOTE_EN}\n\n{FILLER_EN * 6}",
        "Weekly report on the ceasefire",
        "Observer Mission",
        "2024-05-10",
        "reports/2024-05-10 weekly.pdf",
        "en",
    ),
    _statement("s-worse", "\n".join(ATTACKS), ATTACKS[0], ATTACKS[1], "2023-01-02", ATTACKS[2], "en"),
    _statement("s-bad", f"مقدمة. {HOSTILE} خاتمة.", HOSTILE, HOSTILE, "2023-01-01", HOSTILE, "ar"),
]


def _citation(number: int, statement: Statement, quote: str) -> Citation:
    start = statement.text.index(quote)
    details = (statement.title, statement.issuer, statement.date, statement.source, statement.language)
    return Citation(number, statement.statement_id, *details, quote=quote, start=start, end=start + len(quote), score=0.9)


def _hit(rank: int, statement: Statement) -> Hit:
    start, about = len(statement.text) // 2, (statement.title, statement.issuer, statement.date, statement.language, statement.source)
    return Hit(rank, 1.0, statement.statement_id, f"p{rank}", *about, text=statement.text[start:], start=start, end=len(statement.text))


def _answer(question: str, language: Language, text: str, citations: Sequence[Citation], *, nearest: bool = False) -> Answer:
    answer = Answer(question, language, "not_found" if nearest else "answered", "quote", None, text)
    return replace(answer, nearest=tuple(citations)) if nearest else replace(answer, citations=tuple(citations))


class FakeAssistant:
    """Answers from three statements; key words choose what happens."""

    def stream(
        self, question: str, *, history: Sequence[Any] = (), language: Language | None = None, filters: Filters | None = None
    ) -> Iterator[Event]:
        if "فرنسي" in question or "français" in question:
            raise QuestionError(f'the question "{question}" is in a language Bayan does not answer')
        answer = self._choose(question)
        yield Retrieved(tuple(_hit(rank, statement) for rank, statement in enumerate(STATEMENTS[:2], 1)))
        pause = 0.4 if "slow" in question else 0.01
        if filters and not all(passes(self.statement(citation.statement_id), filters) for citation in answer.citations):
            answer = _nothing(question, STATEMENTS[0])
        for word in answer.answer.split(" "):
            yield Delta(word + " ")
            time.sleep(pause)
        yield Completed(answer)

    def search(self, query: str, *, top_k: int = 10) -> list[Hit]:
        return [_hit(1, statement) for statement in STATEMENTS if query in statement.text]

    def facets(self, filters: Filters | None = None) -> Facets:
        chosen = [statement for statement in STATEMENTS if passes(statement, filters or Filters())]
        issuers, languages = (Counter(values) for values in ((s.issuer or "" for s in chosen), (str(s.language) for s in chosen)))
        return Facets(len(chosen), issuers, languages, {}, {})

    def statement(self, statement_id: str) -> Statement:
        for statement in STATEMENTS:
            if statement.statement_id == statement_id:
                return statement
        raise UnknownStatement(f'no statement "{statement_id}"')

    def statements(self) -> list[Statement]:
        return STATEMENTS

    def _choose(self, question: str) -> Answer:
        arabic, english, worse, bad = STATEMENTS
        if "فهرس" in question:
            raise IndexMissing('no index at "/srv/bayan"; run: bayan ingest FOLDER --index /srv/bayan')
        if "crash" in question:
            raise RuntimeError("secret internals")
        if "المريخ" in question or "Mars" in question:
            return _nothing(question, arabic)
        if "attack" in question:
            return _answer(question, "en", f"“{worse.text}” [1]", [_citation(1, worse, worse.text)])
        if "hostile" in question:
            return _answer(question, "ar", f"أقرب ما جاء إلى سؤالك في بيان «{HOSTILE}»:\n«{HOSTILE}» [1]", [_citation(1, bad, HOSTILE)])
        if "الهدنة" in question:
            text = f"أقرب ما جاء إلى سؤالك في بيان «Weekly report on the ceasefire» الصادر عن Observer Mission:\n“{QUOTE_EN}” [1]"
            return _answer(question, "ar", text, [_citation(1, english, QUOTE_EN)])
        if "camp" in question:
            return _answer(question, "en", f"The statement “{arabic.title}” says:\n«{QUOTE_AR}» [1]", [_citation(1, arabic, QUOTE_AR)])
        if question.isascii():
            return _answer(question, "en", f"The statement “{english.title}” says:\n“{QUOTE_EN}” [1]", [_citation(1, english, QUOTE_EN)])
        citations = [_citation(1, arabic, QUOTE_AR), _citation(2, arabic, QUOTE_AR_2)]
        return _answer(question, "ar", f"أقرب ما جاء إلى سؤالك في بيان «{arabic.title}»:\n«{QUOTE_AR}» [1]\n«{QUOTE_AR_2}» [2]", citations)


def passes(statement: Statement, filters: Filters) -> bool:
    return (
        (not filters.issuers or statement.issuer in filters.issuers)
        and (not filters.languages or statement.language in filters.languages)
        and (filters.date_from or "") <= (statement.date or "") <= (filters.date_to or "9")
    )


def _nothing(question: str, statement: Statement) -> Answer:
    if question.isascii():
        return _answer(
            question, "en", "No answer to this question was found in the statements.", [_citation(1, statement, QUOTE_AR)], nearest=True
        )
    return _answer(question, "ar", "لا تتضمن البيانات جواباً عن هذا السؤال.", [_citation(1, statement, QUOTE_AR)], nearest=True)


def _refuse_outbound(event: str, details: tuple[Any, ...]) -> None:
    target = details[1] if event == "socket.connect" else details[0] if event == "socket.getaddrinfo" else None
    host = target[0] if isinstance(target, tuple) else target
    if isinstance(host, str) and not host.startswith(("127.", "::1", "localhost", "0.0.0.0", "/")):
        print(f"OUTBOUND {event} {details[1:]}", file=sys.stderr, flush=True)  # noqa: T201
        raise OSError(f"outbound connection refused: {host}")


def _over_no_index(settings: Settings) -> Any:
    """The real assistant, over an index that is not there yet, with embeddings that are made at once."""
    from fakes import FakeEmbeddings

    import rag.build
    from ui.service.late import LateAssistant

    embeddings = FakeEmbeddings()
    rag.build.open_embeddings = lambda settings: embeddings  # type: ignore[assignment,return-value]
    return LateAssistant(settings)


if __name__ == "__main__":
    sys.addaudithook(_refuse_outbound)
    from ui.server import serve

    with TemporaryDirectory() as folder:
        settings = Settings(index=Path(folder) / "index", host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 0)
        serve(_over_no_index(settings) if "empty" in sys.argv else FakeAssistant(), settings=settings)  # type: ignore[arg-type]
