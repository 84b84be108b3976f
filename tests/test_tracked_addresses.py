"""The addresses in mail that measure: a link leads on, the picture is a pixel, the hidden link is for machines."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts import contacts, links, tracking
from broadcasts.models import Delivery, Hit, Link, Message, Organization
from broadcasts.public.tracking import GIF, TrackingShortcut
from broadcasts.tracking import hits, location
from tests.make import make_broadcast, make_delivery
from tests.tracked import CHROME, fetch, hidden_of, key_of, make_link, path_of, picture_of


@pytest.fixture
def delivery(mail) -> Delivery:
    return make_delivery(make_broadcast(mail))


@pytest.fixture
def link(delivery) -> Link:
    return make_link(delivery)


def test_a_tracked_link_leads_on_and_is_stored(delivery, link):
    answer = fetch(path_of(delivery, link))
    assert (answer.status_code, answer["Location"]) == (302, "https://club.example/pool")
    hit = Hit.objects.get()
    assert (hit.delivery_id, hit.link, hit.kind, hit.is_head, hit.is_prefetch) == (
        delivery.pk, link, "click", False, False
    )  # fmt: skip
    assert (hit.ip_address, hit.user_agent) == ("203.0.113.9", CHROME)
    assert hit.due_at - hit.at == timedelta(seconds=30)


def test_an_answer_is_kept_nowhere_and_sets_no_cookie(delivery, link):
    for path in (path_of(delivery, link), picture_of(delivery), hidden_of(delivery)):
        answer = fetch(path)
        assert answer["Cache-Control"] == "no-store" and answer["Referrer-Policy"] == "no-referrer"
        assert not answer.cookies


def test_the_picture_is_a_pixel(delivery):
    answer = fetch(picture_of(delivery))
    assert (answer["Content-Type"], answer.content, len(GIF)) == ("image/gif", GIF, 43)
    assert Hit.objects.get().kind == "open"


def test_the_hidden_link_answers_nothing(delivery):
    assert fetch(hidden_of(delivery)).status_code == 204
    assert Hit.objects.get().kind == "hidden"


def test_a_head_request_and_a_prefetch_are_marked(delivery, link):
    answer = Client().head(path_of(delivery, link))
    assert (answer.status_code, answer["Location"]) == (302, "https://club.example/pool")
    fetch(picture_of(delivery), **{"Sec-Purpose": "prefetch;prerender"})
    assert list(Hit.objects.order_by("pk").values_list("is_head", "is_prefetch")) == [(True, False), (False, True)]


@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_only_reading_is_answered(delivery, link, method):
    assert getattr(Client(), method)(path_of(delivery, link)).status_code == 405
    assert not Hit.objects.exists()


def test_a_personal_link_leads_to_the_address_of_its_copy(delivery):
    link = make_link(delivery, "https://club.example/?n={{ contact.name }}")
    answer = fetch(path_of(delivery, link, "https://club.example/?n=Zoë A"))
    assert answer["Location"] == "https://club.example/?n=Zo%C3%AB%20A"


@pytest.mark.parametrize(
    ("syntax", "url"),
    [
        ("liquid", "https://club.example/?n={{ contact.name }}"),
        ("expressions", "https://club.example/?n=@contact.name"),
    ],
)
def test_a_personal_link_without_its_address_leads_nowhere(delivery, syntax, url):
    Message.objects.update(syntax=syntax)
    answer = fetch(path_of(delivery, make_link(delivery, url)))
    assert answer.status_code == 404 and not Hit.objects.exists()


def forgeries(delivery, link, other) -> dict[str, str]:
    """Addresses that are nearly ours."""
    key = key_of(delivery)
    token = links.delivery_token(delivery.pk)
    sealed = links.seal("https://club.example/", key, link.pk)
    of_other = make_link(other, "https://club.example/other")
    return {
        "truncated key": f"/t/{key[:-1]}/{link.pk}/",
        "changed key": f"/t/{key[:-1]}{'A' if key[-1] != 'A' else 'Q'}/{link.pk}/",
        "only a token": f"/t/{token}/{link.pk}/",
        "the proof of another copy": f"/t/{token}.{key_of(other).partition('.')[2]}/{link.pk}/",
        "a copy of another message": path_of(other, link),
        "the link of another message": path_of(delivery, of_other),
        "no such link": f"/t/{key}/999999999/",
        "no number": f"/t/{key}/1e3/",
        "a huge number": f"/t/{key}/{'9' * 40}/",
        "negative": f"/t/{key}/-{link.pk}/",
        "no link": f"/t/{key}/",
        "nothing": "/t/",
        "a truncated seal": f"/t/{key}/{link.pk}/{sealed[:-2]}/",
        "a changed seal": f"/t/{key}/{link.pk}/{'A' if sealed[0] != 'A' else 'B'}{sealed[1:]}/",
        "the seal of another link": f"/t/{key}/{link.pk}/{links.seal('https://x.example/', key, link.pk + 1)}/",
        "the seal of another copy": f"/t/{key}/{link.pk}/{links.seal('https://x.example/', key_of(other), link.pk)}/",
        "an address instead of a seal": f"/t/{key}/{link.pk}/https:%2F%2Fevil.example/",
        "more": f"/t/{key}/{link.pk}/{sealed}/more/",
        "over-long": f"/t/{key}/{link.pk}/{'A' * 20_000}/",
        "no ASCII": f"/t/{key}é/{link.pk}/",
        "a script": f"/t/{key}/{link.pk}/{links.seal('javascript:alert(1)', key, link.pk)}/",
        "hidden, forged": f"/h/{token[:-1]}/",
    }


def test_what_is_not_ours_gets_a_plain_page_and_never_leads_elsewhere(mail, delivery, link):
    other = make_delivery(make_broadcast(mail))
    for what, path in forgeries(delivery, link, other).items():
        answer = fetch(path)
        assert (answer.status_code, answer.headers.get("Location")) == (404, None), what
        assert b"<h1" in answer.content, what
    assert not Hit.objects.exists()


def test_a_forged_address_asks_the_database_nothing(delivery, link):
    fetch("/o/forged.gif")  # now it knows the tracking domains
    with CaptureQueriesContext(connection) as asked:
        fetch(f"/t/{'A' * 20}.{'A' * 11}/{link.pk}/")
    assert len(asked) == 0


def test_a_forged_picture_is_a_picture(db):
    assert fetch("/o/forged.gif").content == GIF
    assert not Hit.objects.exists()


@pytest.mark.parametrize("what", ["pruned", "erased", "suspended", "rotated"])
def test_a_link_leads_on_whatever_became_of_its_copy(delivery, link, settings, what):
    path = path_of(delivery, link)
    if what == "pruned":
        Delivery.objects.all().delete()
    elif what == "erased":
        contacts.erase(delivery.contact)
    elif what == "suspended":
        Organization.objects.update(status=Organization.Status.SUSPENDED)
    else:
        settings.SECRET_KEY = "another key than that of yesterday, of the same length"
    assert fetch(path)["Location"] == "https://club.example/pool"


def test_a_test_send_leads_on_and_is_not_stored(db):
    token = links.delivery_token(0)
    key = links.copy_key(token, links.TEST_LINK)
    sealed = links.seal("https://club.example/pool", key, links.TEST_LINK)
    assert fetch(f"/t/{key}/{links.TEST_LINK}/{sealed}/")["Location"] == "https://club.example/pool"
    assert fetch(f"/t/{key}/{links.TEST_LINK}/").status_code == 404
    assert fetch(f"/o/{token}.gif").content == GIF
    assert not Hit.objects.exists()


def test_a_known_link_costs_one_statement(delivery, link):
    path = path_of(delivery, link)
    fetch(path)
    with CaptureQueriesContext(connection) as asked:
        fetch(path)
    assert [one["sql"].split()[0] for one in asked] == ["INSERT"]


@pytest.fixture
def dead(monkeypatch):
    """A database that cannot be reached; the function calls how often it was asked."""
    asked = []

    def fail(self, rows):
        asked.append(rows)
        raise OperationalError("gone") from connection.Database.OperationalError("server closed the connection")

    def begin():
        monkeypatch.setattr(hits.SharedInsert, "_run", fail)
        monkeypatch.setattr(hits, "outage", lambda error: True)
        return asked

    return begin


def test_readers_get_on_while_the_database_is_dead(delivery, link, dead, caplog):
    fetch(path_of(delivery, link))
    asked = dead()
    assert fetch(path_of(delivery, link))["Location"] == "https://club.example/pool"
    assert fetch(picture_of(delivery)).content == GIF
    assert len(asked) == 1, "for a moment it is left alone"
    assert "1 opens or clicks could not be stored" in caplog.text


def test_hits_are_stored_again_once_the_database_answers(delivery, link, dead, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(hits.SharedInsert, "_run", lambda self, rows: (_ for _ in ()).throw(OperationalError("gone")))
        fetch(picture_of(delivery))
    monkeypatch.setattr(hits.losses, "pause_ends", 0.0)
    fetch(picture_of(delivery))
    assert Hit.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_faulty_hit_keeps_no_other_from_being_stored(delivery, monkeypatch):
    insert = hits.stored.insert
    monkeypatch.setattr(hits.stored, "insert", lambda **values: insert(**{**values, "kind": None}))
    fetch(picture_of(delivery))
    monkeypatch.setattr(hits.stored, "insert", insert)
    fetch(picture_of(delivery))
    assert Hit.objects.count() == 1


def test_an_address_of_the_local_network_is_stored_without_its_zone(delivery):
    fetch(picture_of(delivery), ip="fe80::1%eth0")
    assert Hit.objects.get().ip_address == "fe80::1"


def test_many_hits_of_a_copy_do_not_fill_the_table(delivery, link, monkeypatch):
    monkeypatch.setattr(hits, "MOST_A_MINUTE", 3)
    monkeypatch.setattr(hits.time, "time", lambda: 1_800_000_000.0)
    answers = {fetch(path_of(delivery, link)).status_code for _ in range(5)}
    assert answers == {302} and Hit.objects.count() == 3


def test_a_user_agent_is_cut_and_has_no_control_characters(delivery):
    tracking.store_hit(delivery.pk, "open", user_agent="a\x00b\x1b[31m\x85" + "c" * 300)
    assert Hit.objects.get().user_agent == ("a b [31m " + "c" * 300)[:255]


def test_the_address_is_found_behind_a_proxy(delivery, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    fetch(picture_of(delivery), **{"X-Forwarded-For": "1.1.1.1, 198.51.100.7"})
    assert Hit.objects.get().ip_address == "198.51.100.7"


def shortcut(path: str, **environ):
    """What the WSGI server is answered; `unanswered` if the request is left to Django."""
    told = []
    given = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "HTTP_HOST": "localhost", "REMOTE_ADDR": "203.0.113.9"}
    application = TrackingShortcut(lambda environ, start: [b"unanswered"])
    body = b"".join(application({**given, **environ}, lambda *args: told.append(args)))
    return (told[0][0], dict(told[0][1]), body) if told else body


def test_the_web_server_answers_without_django(delivery, link):
    status, headers, body = shortcut(path_of(delivery, link))
    assert (status, headers["Location"], body) == ("302 Found", "https://club.example/pool", b"")
    status, headers, body = shortcut(picture_of(delivery), REQUEST_METHOD="HEAD")
    assert (status, headers["Content-Length"], body) == ("200 OK", "43", b"")
    assert Hit.objects.count() == 2


def test_the_web_server_leaves_all_else_to_django(delivery, link, monkeypatch):
    path = path_of(delivery, link)
    assert shortcut("/t/forged/1/") == shortcut("/admin/") == shortcut(path, REQUEST_METHOD="POST") == b"unanswered"
    assert shortcut(path, HTTP_HOST="elsewhere.example") == b"unanswered"

    def fail(link_id):
        raise OperationalError("gone") from connection.Database.OperationalError("gone")

    monkeypatch.setattr(tracking.known_links, "find", fail)
    monkeypatch.setattr("broadcasts.public.shortcut.outage", lambda error: True)
    assert shortcut(path) == b"unanswered"


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://club.example/a%20b%C3%A4?q=%20#x", "https://club.example/a%20b%C3%A4?q=%20#x"),
        ("https://bücher.example/ä?q=ö b#ü", "https://xn--bcher-kva.example/%C3%A4?q=%C3%B6%20b#%C3%BC"),
        ("https://☃.net/", "https://xn--n3h.net/"),
        ("HTTPS://Club.Example", "https://club.example"),
        (" https://club.example/a\nb ", "https://club.example/ab"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("https://good.example\\@evil.example/", "https://good.example/@evil.example/"),
        ('https://club.example/"<a>"', "https://club.example/%22%3Ca%3E%22"),
        ("https://club.example/" + "a" * 2000, "https://club.example/" + "a" * 2000),
        ("javascript:alert(1)", None),
        ("//club.example/", None),
        ("mailto:joe@club.example", None),
        ("https:///club", None),
        ("https://a b.example/", None),
        ("https://club.example:port/", None),
        ("https://{{ contact.site }}/", None),
    ],
)
def test_a_location_is_written_in_ascii(url, written):
    assert location(url) == written


def test_every_location_is_one_line_of_ascii():
    told = location("https://club.example/\r\nSet-Cookie: a=b\x00\ud800")
    assert told and told.isascii() and told.isprintable() and " " not in told


def test_the_cache_of_links_is_bounded(delivery, monkeypatch):
    monkeypatch.setattr(hits, "KNOWN", 2)
    for number in range(5):
        assert tracking.known_links.find(make_link(delivery, f"https://club.example/{number}").pk)
    assert len(tracking.known_links.known) <= 2


def test_hits_are_due_after_the_delay(delivery, settings):
    settings.TRACKING_DELAY_SECONDS = 5
    fetch(picture_of(delivery))
    assert abs(Hit.objects.get().due_at - timezone.now() - timedelta(seconds=5)) < timedelta(seconds=4)
