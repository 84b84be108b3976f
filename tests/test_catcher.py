"""The demo's mail catcher, spoken to over SMTP and HTTP as its users do."""

import json
import re
import socket
import sqlite3
import time
from contextlib import closing
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPResponse
from smtplib import SMTP, SMTPResponseException
from threading import Event, Thread

import pytest

from broadcasts.catcher import LARGEST, PER_PAGE, Catcher, PortTaken, Store


@pytest.fixture
def catcher(tmp_path):
    with Catcher(tmp_path, smtp_port=0, http_port=0) as catcher:
        yield catcher


def send(catcher: Catcher, *, to: str | list[str] = "ana@example.org", source: bytes = b"", **parts: str) -> None:
    message = mail(**parts).as_bytes() if parts or not source else source
    with SMTP(catcher.host, catcher.smtp_port, timeout=20) as client:
        client.sendmail("news@club.example", to, message, mail_options=["SMTPUTF8"])


def mail(subject: str = "Hello", text: str = "Good day", html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def fetch(catcher: Catcher, path: str, method: str = "GET") -> tuple[HTTPResponse, str]:
    with closing(HTTPConnection(catcher.host, catcher.http_port, timeout=20)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        return response, response.read().decode(errors="replace")


def listed(catcher: Catcher, query: str = "") -> list[dict]:
    return json.loads(fetch(catcher, f"/api/messages.json{query}")[1])


def fill(catcher: Catcher, number: int) -> None:
    with SMTP(catcher.host, catcher.smtp_port, timeout=20) as client:
        for n in range(1, number + 1):
            client.sendmail("news@club.example", f"user{n}@example.org", b"Subject: Number %d\r\n\r\nHi\r\n" % n)


def test_mail_is_counted_and_listed_newest_first(catcher):
    send(catcher, subject="First")
    send(catcher, subject="Second", to=["ana@example.org", "ben@example.org"])
    assert catcher.count() == 2
    assert [message["subject"] for message in listed(catcher)] == ["Second", "First"]
    assert listed(catcher)[0]["to"] == ["ana@example.org", "ben@example.org"]
    assert set(listed(catcher)[0]) == {
        "id", "to", "subject", "size", "received", "sort", "key", "account", "note", "reference",
    }  # fmt: skip


def test_mail_outlives_a_restart(tmp_path):
    with Catcher(tmp_path, 0, 0) as catcher:
        send(catcher, subject="Kept")
    with Catcher(tmp_path, 0, 0) as catcher:
        send(catcher, subject="New")
        assert catcher.count() == 2
        assert [message["subject"] for message in listed(catcher)] == ["New", "Kept"]


def test_mail_is_committed_soon_without_anybody_looking(catcher, tmp_path):
    send(catcher)
    deadline = time.monotonic() + 20
    with closing(sqlite3.connect(tmp_path / "caught.sqlite3")) as db:
        while not db.execute("SELECT count(*) FROM messages").fetchone()[0]:
            assert time.monotonic() < deadline
            Event().wait(0.01)


def test_it_starts_again_after_a_stop(tmp_path):
    catcher = Catcher(tmp_path, 0, 0)
    for _ in range(2):
        with catcher:
            send(catcher)
    assert catcher.count() == 2


@pytest.mark.parametrize("taken", ["smtp_port", "http_port"])
def test_a_taken_port_is_named_and_nothing_is_left_running(tmp_path, taken):
    ports = {"smtp_port": 0, "http_port": 0}
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        catcher = Catcher(tmp_path, **{**ports, taken: port})
        with pytest.raises(PortTaken, match=f"Port {port} of 127.0.0.1 cannot be listened on: Address already in use"):
            catcher.start()
    with catcher:  # the port is free now, and so is the other
        assert getattr(catcher, taken) == port


def test_the_source_is_kept_to_the_byte(catcher):
    source = b"Subject: x\r\nX-Odd:   two  spaces\r\n\r\n.dot\r\n\xff\xfe raw bytes\r\n" + b"long" * 1000 + b"\r\n"
    send(catcher, source=source)
    with closing(HTTPConnection(catcher.host, catcher.http_port, timeout=20)) as connection:
        connection.request("GET", "/messages/1/raw")
        response = connection.getresponse()
        assert response.read() == source
    assert response.headers.get_content_type() == "text/plain"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_an_address_beyond_ascii_is_taken(catcher):
    with SMTP(catcher.host, catcher.smtp_port, timeout=20) as client:
        client.send_message(mail(), "news@club.example", ["пётр@пример.example"])
    assert listed(catcher)[0]["to"] == ["пётр@пример.example"]


def test_any_login_is_taken(catcher):
    with SMTP(catcher.host, catcher.smtp_port, timeout=20) as client:
        assert client.login("anybody", "anything")[0] == 235


def test_mail_over_the_limit_is_refused_before_it_is_sent(catcher):
    with SMTP(catcher.host, catcher.smtp_port, timeout=20) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == str(LARGEST)
        assert client.mail("news@club.example", [f"size={LARGEST + 1}"])[0] == 552


def test_mail_that_cannot_be_written_may_be_tried_again(catcher, monkeypatch):
    def full(*args, **more):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Store, "add", full)
    with pytest.raises(SMTPResponseException, match="disk is full") as refusal:
        send(catcher)
    assert refusal.value.smtp_code == 451
    assert catcher.count() == 0


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        (b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"SUBJECT: folded\r\n over lines\r\nTo: x", "folded over lines"),
        ("Subject: Привет".encode(), "Привет"),
        (b"Subject: \xff", "�"),
        (b"Subject: =?nonsense?q?x?=", "=?nonsense?q?x?="),
        (b"Subject: =?utf-8?b?x?=", "=?utf-8?b?x?="),
        (b"Subject: =?raw_unicode_escape?q?=5Cud800?=", "?"),
        (b"X-Subject: other", ""),
        (b"To: x\r\n\r\nSubject: in the text", ""),
    ],
)
def test_subjects_are_readable(catcher, header, subject):
    send(catcher, source=header + b"\r\n\r\nHi\r\n")
    assert listed(catcher)[0]["subject"] == subject
    assert fetch(catcher, "/messages/1/")[0].status == 200


def test_an_empty_list_says_what_to_do_next(catcher):
    _, text = fetch(catcher, "/")
    assert f"Nothing caught yet. Mail sent through SMTP 127.0.0.1:{catcher.smtp_port} appears here." in text


def test_the_list_has_pages(catcher):
    fill(catcher, PER_PAGE + 1)
    first, second = fetch(catcher, "/")[1], fetch(catcher, "/?page=2")[1]
    assert first.count("/messages/") == PER_PAGE and second.count("/messages/") == 1
    assert "Older" in first and "Newer" not in first
    assert "Newer" in second and "Older" not in second
    assert [message["id"] for message in listed(catcher, "?page=2")] == [1]


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30, "%C2%B2", ""])
def test_a_nonsense_page_is_the_first(catcher, page):
    send(catcher)
    assert len(listed(catcher, f"?page={page}")) == 1


@pytest.mark.parametrize(
    ("search", "found"), [("USER2@", [2]), ("number+1", [1]), ("nobody", []), ("%25", []), ("_", []), ("%5C", [])]
)
def test_search_looks_into_recipients_and_subjects_literally(catcher, search, found):
    fill(catcher, 3)
    assert [message["id"] for message in listed(catcher, f"?q={search}")] == found
    assert ("Nothing matches." in fetch(catcher, f"/?q={search}")[1]) == (not found)


def test_a_page_of_search_results_links_to_the_next_of_the_same_search(catcher):
    fill(catcher, PER_PAGE + 2)
    _, text = fetch(catcher, "/?q=user%26%22")
    assert 'value="user&amp;&quot;"' in text
    _, text = fetch(catcher, "/?q=user")
    path = re.search('href="(/[^"]*)">Older', text)[1].replace("&amp;", "&")
    assert fetch(catcher, path)[1].count("/messages/") == 2


def test_a_message_shows_headers_text_and_html_in_a_sandbox(catcher):
    send(catcher, subject="Grüße", text="1 < 2", html="<p>Rich</p>")
    _, text = fetch(catcher, "/messages/1/")
    assert "<h1>Grüße</h1>" in text
    assert '<th scope="row">Subject<td>Grüße' in text
    assert "<pre>1 &lt; 2" in text
    assert '<iframe sandbox src="html"' in text and "Rich" not in text


def test_html_is_served_alone_under_a_policy_that_runs_nothing_and_shows_our_pictures(catcher, settings):
    settings.BASE_URL = "https://club.example"
    send(catcher, html="<script>alert(1)</script>")
    response, text = fetch(catcher, "/messages/1/html")
    assert text.strip() == "<script>alert(1)</script>"
    assert response.headers["Content-Security-Policy"] == (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data: https://club.example"
    )


def test_mail_without_html_has_no_frame(catcher):
    send(catcher, text="Plain")
    assert "<iframe" not in fetch(catcher, "/messages/1/")[1]
    assert fetch(catcher, "/messages/1/html")[0].status == 404


@pytest.mark.parametrize(
    "source",
    [
        b"Content-Type: text/plain; charset=nonsense\r\n\r\nshown\r\n",
        b"Content-Type: text/plain; charset=hex\r\n\r\nshown\r\n",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nshown\r\n",
        b"Content-Type: \xff\xff\r\n\r\nshown\r\n",
        b"not a header\r\nshown\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nshown\r\n",
    ],
)
def test_broken_mail_has_a_page_all_the_same(catcher, source):
    send(catcher, source=source)
    assert fetch(catcher, "/messages/1/")[0].status == 200


def test_nothing_of_a_message_becomes_markup(catcher):
    evil = "<script>x</script>"
    source = f"Subject: {evil}\r\nX-Evil: {evil}\r\n{evil}: x\r\n\r\n</pre>{evil}\r\n".encode()
    send(catcher, source=source, to='"<script>"@example.org')
    for path in ("/", "/?q=%3Cscript%3E", "/messages/1/"):
        assert "<script" not in fetch(catcher, path)[1]


@pytest.mark.parametrize("path", ["/nowhere", "/messages/1/", "/messages/x/", f"/messages/{'9' * 30}/", "/messages/1"])
def test_an_unknown_path_is_not_found(catcher, path):
    response, text = fetch(catcher, path)
    assert response.status == 404
    assert "Not found" in text


def test_pages_run_no_script_and_take_style_from_here_only(catcher):
    policy = fetch(catcher, "/")[0].headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert fetch(catcher, "/style.css")[0].headers.get_content_type() == "text/css"


def test_head_is_get_without_the_body(catcher):
    response, text = fetch(catcher, "/", "HEAD")
    assert response.status == 200 and text == ""
    assert int(response.headers["Content-Length"]) == len(fetch(catcher, "/")[1].encode())


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_nothing_can_be_changed_through_the_page(catcher, method):
    assert fetch(catcher, "/", method)[0].status == 501
    assert fetch(catcher, "/", "POST")[0].status == 404


def test_many_senders_at_once_lose_nothing(catcher):
    senders = [Thread(target=fill, args=(catcher, 25)) for _ in range(8)]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        fetch(catcher, "/")  # readers do not get in the way
    assert catcher.count() == 200
    assert listed(catcher)[0]["id"] == 200
