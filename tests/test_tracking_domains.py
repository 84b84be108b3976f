"""At the tracking domain of an organization its links work, and nothing else."""

import io
import ssl

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from broadcasts import health, links, tracking
from broadcasts.public.tracking import GIF
from broadcasts.tracking import domains
from tests.make import make_broadcast, make_delivery
from tests.tracked import hidden_of, make_link, path_of, picture_of

HOST = "links.club.example"


@pytest.fixture
def delivery(mail):
    return make_delivery(make_broadcast(mail))


@pytest.fixture
def domain(club, settings):
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]
    club.tracking_domain = HOST
    club.save()


def get(path, host=HOST):
    return Client().get(path, headers={"host": host})


def test_links_pictures_and_hidden_links_work_there(domain, delivery):
    link = make_link(delivery)
    for host in (HOST, f"{HOST}:443", HOST.upper()):
        assert get(path_of(delivery, link), host)["Location"] == link.url
    assert get(picture_of(delivery)).content == GIF
    assert get(hidden_of(delivery)).status_code == 204


@pytest.mark.parametrize("path", ["/", "/admin/", "/admin/login/", "/api/", "/api/contacts/", "/healthz", "/readyz",
                                  "/u/x/", "/static/broadcasts/admin.css", "/callbacks/x/", "/orgs/"])  # fmt: skip
def test_everything_else_is_not_found_there(domain, path):
    answer = get(path)
    assert (answer.status_code, answer.content) == (404, b"Not found.")


def test_links_of_other_organizations_are_refused_there(domain, delivery, elsewhere):
    link = make_link(delivery)
    elsewhere.tracking_domain = "links.elsewhere.example"
    elsewhere.save()
    assert get(path_of(delivery, link), elsewhere.tracking_domain).status_code == 404
    assert get(path_of(delivery, link), "testserver").status_code == 302


def test_other_hosts_are_refused_as_ever(domain, delivery):
    assert get(path_of(delivery, make_link(delivery)), "unknown.example").status_code in (400, 404)
    assert get("/admin/login/", "unknown.example").status_code == 400


def test_the_server_s_own_hosts_serve_all_their_pages(domain, club):
    club.tracking_domain = "localhost"  # as an older row may say
    club.save()
    assert get("/healthz", "localhost").status_code == 200


def test_a_pattern_of_allowed_hosts_makes_no_page_of_a_tracking_domain(domain, settings):
    settings.ALLOWED_HOSTS = [".club.example", "*"]
    assert get("/admin/login/").status_code == 404
    assert get("/healthz", "www.club.example").status_code == 200


def test_domains_are_not_read_for_each_request(domain, delivery):
    get(picture_of(delivery))
    with CaptureQueriesContext(connection) as asked:
        get("/nowhere/"), get("/nowhere/", "unknown.example")
    assert len(asked) == 0


def test_a_domain_that_is_known_works_while_the_database_is_dead(domain, delivery, monkeypatch):
    link = make_link(delivery)
    assert get(path_of(delivery, link)).status_code == 302

    def fail():
        raise OperationalError("gone")

    monkeypatch.setattr(domains.Organization.objects, "exclude", lambda **kwargs: fail())
    monkeypatch.setattr(domains, "outage", lambda error: True)
    monkeypatch.setattr(tracking.tracking_domains, "read_at", -1e9)
    assert get(path_of(delivery, link)).status_code == 302


def test_a_link_by_plain_http_leads_on_without_a_detour(domain, delivery, settings):
    settings.SECURE_SSL_REDIRECT = True
    link = make_link(delivery)
    assert get(path_of(delivery, link))["Location"] == link.url


class Answering:
    """A server that a probe reaches, with an answer."""

    def __init__(self, status: int):
        self.answer = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()
        self.asked = b""

    def makefile(self, *args, **kwargs):
        return io.BytesIO(self.answer)

    def sendall(self, data):
        self.asked += data

    def close(self):
        pass


@pytest.mark.parametrize(("status", "level"), [(204, health.OK), (404, health.FAIL)])
def test_the_doctor_asks_a_domain_for_a_link_of_ours(domain, monkeypatch, status, level):
    server = Answering(status)
    monkeypatch.setattr(domains.outgoing, "connect", lambda host, port, timeout: server)
    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", lambda self, plain, server_hostname: plain)
    [check] = health.domains()
    assert (check.id, check.level) == (f"domain {HOST}", level)
    assert links.delivery_token(0).encode() in server.asked


def test_the_doctor_reaches_no_domain_within_a_private_network(club, settings):
    settings.OPEN_NETWORKS = []
    club.tracking_domain = "localhost"
    club.save()
    [check] = health.domains()
    assert check.level == health.FAIL and "loopback" in check.message


def test_nothing_is_asked_where_no_domain_is_set(club):
    assert list(health.domains()) == []
