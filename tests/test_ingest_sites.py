"""Pages, feeds and sitemaps come in politely and safely: from real servers on this machine, which the settings allow.

Embeddings are fake: nothing here depends on what vectors mean.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from websites import Site, serving

import ingest
import ingest.web.sites
from ingest import ingest as run_ingest
from ingest.web.fetch import Fetcher
from ingest.web.network import is_public
from rag.build import list_statements
from rag.errors import SourceError
from rag.schema import IngestReport, Statement
from rag.settings import load_settings

pytestmark = pytest.mark.usefixtures("fake")
PARAGRAPHS = (
    "أعلنت هيئة مياه وادي السنديان اليوم أن انقطاع المياه سيشمل سبعة أحياء في المدينة حتى مساء الخميس المقبل.",
    "وقالت الهيئة إن فرق الصيانة تعمل على إصلاح الخط الرئيسي الذي تضرر في الأيام الماضية بسبب الفيضانات.",
    "ودعت الهيئة السكان إلى ترشيد الاستهلاك حتى عودة المياه إلى جميع الأحياء.",
)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("BAYAN_ALLOW_PRIVATE", "true")
    monkeypatch.setenv("BAYAN_FETCH_DELAY_S", "0")
    with serving() as found:
        yield found


def page(title: str, *paragraphs: str, head: str = "") -> str:
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs or PARAGRAPHS)
    head = f'<meta charset="utf-8"><title>{title}</title>{head}'
    return f"<html><head>{head}</head><body><nav><a href='/'>الرئيسية</a></nav><article><h1>{title}</h1>{body}</article></body></html>"


def feed(site: Site, *entries: str) -> str:
    items = "".join(f"<item>{entry}</item>" for entry in entries)
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>هيئة المياه</title><link>{site.root}</link>{items}</channel></rss>'


def sitemap(site: Site, *paths: str, changed: str = "") -> str:
    changed = changed and f"<lastmod>{changed}</lastmod>"
    urls = "".join(f"<url><loc>{site.root}{path}</loc>{changed}</url>" for path in paths)
    return f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'


def stored() -> dict[str, Statement]:
    return {statement.title: statement for statement in list_statements(load_settings())}


def counts(report: IngestReport) -> tuple[int, int, int, int]:
    return report.added, report.updated, report.unchanged, len(report.rejected)


def reason(address: str) -> str:
    report = run_ingest([address])
    assert counts(report) == (0, 0, 0, 1)
    return report.rejected[0].reason


# Pages


def test_a_page_is_a_statement_whose_source_is_its_address(site: Site) -> None:
    address = site.put("/water.html", page("بيان حول انقطاع المياه", head='<meta property="article:published_time" content="2031-01-19">'))
    assert counts(run_ingest([address])) == (1, 0, 0, 0)
    statement = stored()["بيان حول انقطاع المياه"]
    assert (statement.source, statement.date, statement.statement_id[:6]) == (address, "2031-01-19", "water-")
    assert all(paragraph in statement.text for paragraph in PARAGRAPHS)
    assert site.headers["User-Agent"].startswith("bayan/")


def test_an_unchanged_page_is_not_sent_again_and_a_changed_one_is_updated(site: Site) -> None:
    address = site.put("/water", page("بيان المياه"), headers={"ETag": '"1"'})
    run_ingest([address])
    again = run_ingest([address])
    assert (counts(again), again.passages, site.not_modified) == ((0, 0, 1, 0), 0, 1)
    site.put("/water", page("بيان المياه", *PARAGRAPHS[:2], "وعادت المياه إلى جميع الأحياء مساء الأربعاء."), headers={"ETag": '"2"'})
    assert counts(run_ingest([address])) == (0, 1, 0, 0)
    assert "مساء الأربعاء" in stored()["بيان المياه"].text
    assert len(stored()) == 1


def test_a_page_without_validators_is_a_no_op_too(site: Site) -> None:
    address = site.put("/water", page("بيان المياه"))
    run_ingest([address])
    again = run_ingest([address])
    assert (counts(again), again.passages) == ((0, 0, 1, 0), 0)


def test_a_removed_statement_is_fetched_again_although_its_page_is_unchanged(site: Site) -> None:
    address = site.put("/water", page("بيان المياه"), headers={"ETag": '"1"'})
    run_ingest([address])
    ingest.remove([next(iter(stored().values())).statement_id])
    assert counts(run_ingest([address])) == (1, 0, 0, 0)


def test_a_page_that_is_gone_keeps_its_statement_until_it_is_pruned(site: Site) -> None:
    address = site.put("/water", page("بيان المياه"))
    run_ingest([address])
    del site.answers["/water"]
    assert "is not there (HTTP 404)" in run_ingest([address]).rejected[0].reason
    assert len(stored()) == 1
    assert run_ingest([address], prune=True).removed == 1
    assert stored() == {}


def test_other_formats_are_read_by_their_type_or_name(site: Site) -> None:
    site.put("/a", "\n\n".join(PARAGRAPHS), "text/plain; charset=utf-8")
    site.put("/press.csv", f"title,text\nبيان,{PARAGRAPHS[0]}\n", "application/octet-stream")
    assert counts(run_ingest([f"{site.root}/a", f"{site.root}/press.csv"])) == (2, 0, 0, 0)
    assert stored()["بيان"].source == f"{site.root}/press.csv#2"


def test_a_page_in_an_older_encoding_is_read_as_its_server_says(site: Site) -> None:
    address = site.put(
        "/a", page("بيان", head="").replace('<meta charset="utf-8">', "").encode("cp1256"), "text/html; charset=windows-1256"
    )
    run_ingest([address])
    assert PARAGRAPHS[0] in stored()["بيان"].text


# Feeds and sitemaps


def test_a_feed_brings_its_pages_and_says_what_they_do_not(site: Site) -> None:
    bare = "<html><body>" + "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS) + "</body></html>"
    site.put("/1", bare)
    site.put("/2", page("بيان ثانٍ", "اجتمع المجلس يوم الأحد وناقش موازنة العام المقبل.", "وأقر المجلس زيادة مخصصات التعليم بمقدار الربع."))
    dated = "<title>بيان أول</title><link>/1</link><pubDate>Sun, 19 Jan 2031 00:30:00 +0300</pubDate>"
    address = site.put("/feed", feed(site, dated, f"<title>x</title><link>{site.root}/2</link>"), "text/xml")
    assert counts(run_ingest([address])) == (2, 0, 0, 0)
    first = stored()["بيان أول"]
    assert (first.date, first.source, first.issuer) == ("2031-01-19", f"{site.root}/1", "هيئة المياه")
    assert first.origins["title"] == "feed"
    assert "بيان ثانٍ" in stored(), "what the page says of itself goes before the feed"
    assert counts(run_ingest([address])) == (0, 0, 2, 0)


def test_a_page_corrected_after_its_feed_published_it_is_read_again(site: Site) -> None:
    site.put("/1", page("بيان المياه"), headers={"ETag": '"1"'})
    entry = "<title>x</title><link>/1</link><pubDate>Sun, 19 Jan 2031 00:30:00 +0300</pubDate>"  # RSS does not say when it was changed
    address = site.put("/feed", feed(site, entry), "text/xml", headers={"ETag": '"f"'})
    run_ingest([address])
    assert counts(run_ingest([address])) == (0, 0, 1, 0)
    assert site.not_modified == 2, "asked for, and sent only when they have changed"
    site.put("/1", page("بيان المياه", *PARAGRAPHS[:2], "وعادت المياه إلى جميع الأحياء مساء الأربعاء."), headers={"ETag": '"2"'})
    assert counts(run_ingest([address])) == (0, 1, 0, 0)
    [statement] = stored().values()
    assert (statement.date, statement.issuer) == ("2031-01-19", "هيئة المياه"), (
        "what the feed said of it counts though it is not sent again"
    )


def test_a_feed_cut_short_before_its_first_address_is_refused(site: Site) -> None:
    assert "is a damaged feed" in reason(site.put("/feed", feed(site, "<title>x</title>").partition("title>x")[0], "text/xml"))


def test_an_atom_feed_is_read_and_its_unchanged_entries_are_not_asked_for(site: Site) -> None:
    site.put("/1", page("بيان المياه"))
    entry = '<entry><title>x</title><link href="/1"/><updated>2031-01-19T10:00:00Z</updated></entry>'
    atom = f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>هيئة</title>{entry}</feed>'
    address = site.put("/atom", atom, "application/atom+xml")
    run_ingest([address])
    assert counts(run_ingest([address])) == (0, 0, 1, 0)
    assert site.asked == ["/atom", "/1", "/atom"]


def test_an_entry_whose_page_cannot_be_had_is_taken_from_the_feed(site: Site) -> None:
    entry = f"<title>بيان</title><link>/gone</link><description>&lt;p&gt;{PARAGRAPHS[0]}&lt;/p&gt;</description>"
    address = site.put("/feed", feed(site, entry, f"<title>ثانٍ</title><description>{PARAGRAPHS[1]}</description>"), "application/rss+xml")
    report = run_ingest([address])
    assert (report.added, report.rejected) == (2, ())
    assert "is taken from the feed" in report.warnings[0].reason
    assert stored()["بيان"].text == PARAGRAPHS[0]
    assert counts(run_ingest([address])) == (0, 0, 2, 0)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x"])
def test_a_feed_leads_only_to_the_web(link: str, site: Site) -> None:
    address = site.put("/feed", feed(site, f"<title>بيان</title><link>{link}</link><description>{PARAGRAPHS[0]}</description>"), "text/xml")
    run_ingest([address])
    assert "passwd" not in stored()["بيان"].source
    assert stored()["بيان"].source.startswith(site.root)


def test_a_sitemap_in_a_packed_sitemap_brings_its_pages(site: Site) -> None:
    for number in (1, 2):
        site.put(f"/{number}", page(f"بيان {number}", *(f"{paragraph} {number}" for paragraph in PARAGRAPHS)))
    site.put("/a.xml.gz", gzip.compress(sitemap(site, "/1", "/2", "/1", changed="2031-01-19").encode()), "application/gzip")
    parts = "".join(f"<sitemap><loc>{site.root}{path}</loc></sitemap>" for path in ("/a.xml.gz", "/sitemap.xml"))
    address = site.put("/sitemap.xml", f"<sitemapindex>{parts}</sitemapindex>", "text/xml")
    assert run_ingest([address]).added == 2
    site.asked.clear()
    assert counts(run_ingest([address])) == (0, 0, 2, 0)
    assert not {"/1", "/2"} & set(site.asked), "by what the sitemap says, they have not changed"


def test_a_long_sitemap_is_taken_in_several_runs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest.web.sites, "MAX_PAGES", 3)
    for number in range(4):
        site.put(f"/{number}", page(f"بيان {number}", *(f"{paragraph} {number}" for paragraph in PARAGRAPHS)))
    address = site.put("/sitemap.xml", sitemap(site, *(f"/{number}" for number in range(4))), "text/xml")
    report = run_ingest([address])
    assert report.added == 2
    assert "2 wait, run the command again" in report.rejected[0].reason
    assert run_ingest([address]).added == 2
    assert len(stored()) == 4


def test_a_saved_feed_is_read_like_a_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "a.rss").write_text(feed(site, f"<title>بيان</title><link>/1</link><description>{PARAGRAPHS[0]}</description>"))
    assert run_ingest([tmp_path / "a.rss"]).added == 1
    assert site.asked == [], "a file is read without the network"


# What is refused


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "::1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "fe80::1", "fc00::1"),
        *("fd00:ec2::254", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "ff02::1", "240.0.0.1"),
        *("255.255.255.255", "::", "198.18.0.1", "192.0.2.1", "fec0::1"),
    ],
)
def test_addresses_of_no_public_network_are_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "8.8.8.8"])
def test_addresses_of_the_public_network_are_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "2130706433", "0x7f.1"])
def test_this_machine_is_refused_unless_allowed_however_it_is_written(host: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.put("/secret", page("سر"))
    monkeypatch.setenv("BAYAN_ALLOW_PRIVATE", "false")
    assert "BAYAN_ALLOW_PRIVATE" in reason(f"http://{host}:{site.root.rpartition(':')[2]}/secret")
    assert site.asked == []


class Names:
    """A name server whose names stand for other addresses each time they are asked for."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::ffff:169.254.169.254"]])
def test_a_name_that_stands_for_a_private_address_is_refused(addresses: list[str], site: Site) -> None:
    site.put("/", page("سر"))
    with Fetcher(delay_s=0, resolve=Names(addresses)) as fetcher, pytest.raises(SourceError, match="stands for"):
        fetcher.get(f"http://press.example:{site.root.rpartition(':')[2]}/")
    assert site.asked == []


def test_the_address_that_is_checked_is_the_one_connected_to(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that answers anew for each question (DNS rebinding) is asked once for a connection, and its answer is used."""
    monkeypatch.setattr("ingest.web.network.is_public", lambda address: address == "127.0.0.1")  # this machine plays the open network
    site.put("/robots.txt", "", "text/plain")
    site.put("/", page("بيان"))
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    with Fetcher(delay_s=0, resolve=names) as fetcher:
        found = fetcher.get(f"http://press.example:{site.root.rpartition(':')[2]}/")
    assert found
    assert names.asked == 1
    assert site.headers["Host"].startswith("press.example")


def test_a_redirect_to_a_private_address_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.web.network.is_public", lambda address: address == "127.0.0.1")
    address = site.put("/", status=302, headers={"Location": "http://169.254.169.254/latest/meta-data"})
    with Fetcher(delay_s=0) as fetcher, pytest.raises(SourceError, match=r'stands for "169\.254\.169\.254"'):
        fetcher.get(address)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("file:///etc/passwd", 'leads to "file:///etc/passwd" and is no address of the web'),
        ("ftp://example.org/a", 'leads to "ftp://example.org/a" and is no address of the web'),
        ("javascript:alert(1)", 'leads to "javascript:alert(1)" and is no address of the web'),
        ("http://[::1/", 'leads to "http://[::1/" and is no address of the web'),
        ("http://user:key@example.org/", "leads to an address that holds a name or password"),
    ],
)
def test_a_redirect_out_of_the_web_is_refused_naming_the_page(target: str, told: str, site: Site) -> None:
    address = site.put("/", status=302, headers={"Location": target})
    assert f'"{address}" {told}' in reason(address)
    assert site.asked == ["/"]
    assert stored() == {}


def test_redirects_have_an_end_and_a_moved_page_is_known_by_where_it_is(site: Site) -> None:
    assert "redirects more than 5 times" in reason(site.put("/loop", status=301, headers={"Location": "/loop"}))
    site.put("/new", page("بيان المياه"))
    run_ingest([site.put("/old", status=301, headers={"Location": "/new"})])
    assert stored()["بيان المياه"].source == f"{site.root}/new"


def test_robots_txt_is_obeyed_also_after_a_redirect(site: Site) -> None:
    site.put("/robots.txt", "User-agent: bayan\nDisallow: /private", "text/plain")
    site.put("/private/1", page("سر"))
    told = reason(f"{site.root}/private/1")
    assert "robots.txt" in told
    assert "robots.txt" in reason(site.put("/door", status=302, headers={"Location": "/private/1"}))
    assert site.asked == ["/door"]


def test_a_site_whose_robots_txt_fails_is_left_alone(site: Site) -> None:
    site.put("/robots.txt", status=503)
    assert "robots.txt of its site cannot be read" in reason(site.put("/a", page("بيان")))
    assert site.asked == []


def test_a_host_is_asked_with_pauses(site: Site) -> None:
    for path in ("/1", "/2", "/3"):
        site.put(path, page("بيان"))
    with Fetcher(allow_private=True, delay_s=0.1) as fetcher:
        started = time.monotonic()
        for path in ("/1", "/2", "/3"):
            fetcher.get(site.root + path)
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(
    ("kind", "told"), [("video/mp4", 'type "video/mp4"'), ("application/x-msdownload", "is not read"), ("", "none named")]
)
def test_a_type_that_is_not_read_is_refused(kind: str, told: str, site: Site) -> None:
    assert told in reason(site.put("/a", b"MZ", kind))


@pytest.mark.parametrize("status", [401, 403, 500, 206])
def test_what_a_server_does_not_give_is_told(status: int, site: Site) -> None:
    assert f"HTTP {status}" in reason(site.put("/a", page("بيان"), status=status))


def test_too_much_is_refused_however_it_is_packed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.web.fetch.MAX_BYTES", 1_000_000)
    assert "larger than 1 MB" in reason(site.put("/a", b"a" * 1_000_001))
    assert "larger than 1 MB" in reason(site.put("/b", gzip.compress(b"a" * 30_000_000), headers={"Content-Encoding": "gzip"}))
    assert 'coding "br"' in reason(site.put("/c", b"x", headers={"Content-Encoding": "br"}))
    assert "list larger than" in reason(site.put("/d", gzip.compress(b"<urlset>" + b" " * 21_000_000), "application/gzip"))


def drip(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "text/html")
    request.end_headers()
    for _ in range(100):
        request.wfile.write(b"<p>")
        time.sleep(0.05)


def dripping_head(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        request.wfile.write(f"X-{number}: 1\r\n".encode())
        time.sleep(0.05)


@pytest.mark.parametrize("send", [drip, dripping_head], ids=["body", "head"])
def test_a_server_that_sends_slowly_is_left(send: object, site: Site) -> None:
    address = site.put("/slow", send=send)
    with Fetcher(allow_private=True, delay_s=0, limit_s=0.3) as fetcher, pytest.raises(SourceError, match=r"takes longer than 0\.3 s"):
        fetcher.get(address)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/", "http://", "http://[::1/", "http://[::1/#a", "https://exa mple.org/", "http://a:99999/"]
)
def test_an_address_that_leads_nowhere_is_told(address: str, site: Site) -> None:
    page_address, _, _ = address.partition("#")
    assert f'"{page_address}"' in reason(address)


def test_one_bad_address_stops_nothing(site: Site, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(PARAGRAPHS[1])
    report = run_ingest([tmp_path / "a.txt", f"{site.root}/none", site.put("/1", page("بيان المياه"))])
    assert counts(report) == (2, 0, 0, 1)
