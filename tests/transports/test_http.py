"""The base of all providers that are spoken to by HTTP, against a real server on this machine."""

import json
import socket
import time
from collections import Counter
from dataclasses import replace

import pytest

from broadcasts import outgoing
from broadcasts.transports import TRANSPORTS, Envelope, Receipt, TransportError
from broadcasts.transports.http import Answer, Call, Http
from tests.http_server import HttpServer, answer, break_off, drop, hang, take, trickle
from tests.smtp import refusing_port

from .contract import TransportContract

PATIENCE = 0.6  # seconds


class Pigeons(Http):
    """A provider as a subclass describes it."""

    kind = "pigeons"
    label = "Pigeons"
    medium = "webhook"
    timeout = 5
    concurrency = 4

    def call(self, envelope):
        body = json.dumps({"to": envelope.address, "text": envelope.text}).encode()
        return Call(self.settings["url"], body, {"Authorization": f"Bearer {self.settings.get('token', 'x')}"})

    def receipt(self, answer):
        return Receipt(provider_id=answer.json["id"])

    def probe(self):
        return self.call(Envelope("probe", "probe"))


@pytest.fixture
def server():
    with HttpServer() as server:
        yield server


@pytest.fixture
def pigeons(server):
    with Pigeons({"url": server.url}) as pigeons:
        yield pigeons


def copies(count):
    return [Envelope(f"key{n}", f"roof{n}", text="Coo") for n in range(1, count + 1)]


def outcomes(transport, envelopes, **options):
    told = [(envelope.address, outcome) for envelope, outcome in transport.send(envelopes, **options)]
    assert len(told) == len(dict(told))
    return dict(told)


def failure(transport, to="roof1"):
    [(_, error)] = transport.send([Envelope("key", to)])
    assert isinstance(error, TransportError), error
    return error


def flags(error):
    return {name for name in ("permanent", "account", "handed_over", "bounced") if getattr(error, name)}


class TestHttp(TransportContract):
    @pytest.fixture(autouse=True)
    def _provider(self, server, monkeypatch):
        self.server = server
        monkeypatch.setitem(TRANSPORTS, "pigeons", f"{__name__}.Pigeons")
        with refusing_port() as self.port:
            yield

    def make_transport(self):
        return Pigeons({"url": self.server.url})

    def make_broken_transport(self):
        return Pigeons({"url": f"http://127.0.0.1:{self.port}/"})

    def envelope(self, n=1):
        return copies(n)[-1]


# What an answer means


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (101, {"handed_over"}),
        (301, {"permanent", "account"}),
        (400, {"permanent"}),
        (401, {"permanent", "account"}),
        (403, {"permanent", "account"}),
        (404, {"permanent"}),
        (408, set()),
        (429, {"account"}),
        (500, set()),
        (502, {"handed_over"}),
        (503, {"account"}),
        (504, {"handed_over"}),
    ],
)
def test_each_class_of_answers_has_its_meaning(server, pigeons, status, meaning):
    server.does(answer(status, {"secret": "inside"}))
    error = failure(pigeons)
    assert (flags(error), error.code) == (meaning, str(status))
    assert "inside" not in str(error)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("120", 120), ("0", 0), ("soon", None), ("-5", None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("9" * 99, 999999999)],
)
def test_a_wait_that_is_asked_for_is_told(server, pigeons, told, seconds):
    server.does(answer(429, Retry_After=told))
    assert failure(pigeons).retry_after == seconds


def test_a_wait_may_be_given_as_a_moment():
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 600))
    assert Answer(429, {"Retry-After": later}, b"").retry_after == pytest.approx(600, abs=3)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"id": ', b"\xff"])
def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(server, pigeons, body):
    server.does(answer(200, body))
    assert flags(failure(pigeons)) == {"handed_over"}


def test_a_redirect_is_not_followed(server, pigeons):
    with HttpServer() as other:
        server.does(answer(307, Location=other.url))
        assert "not followed" in str(failure(pigeons))
        assert other.received == []


def test_the_check_of_an_account_that_is_refused_says_so(server, pigeons):
    server.does(answer(401))
    with pytest.raises(TransportError, match="does not accept the channel's credentials") as caught:
        pigeons.check()
    assert caught.value.permanent


# What goes wrong on the way


def test_an_answer_that_never_comes_back_leaves_one_outcome_unknown(server, pigeons):
    server.acts["roof5"] = drop
    told = outcomes(pigeons, copies(10))
    assert flags(told.pop("roof5")) == {"handed_over"}
    assert all(isinstance(outcome, Receipt) for outcome in told.values())
    assert len(told) == 9


def test_a_server_that_loses_answer_after_answer_is_left_alone(server, pigeons):
    server.does(drop)
    told = outcomes(pigeons, copies(100))
    assert {frozenset(flags(error)) for error in told.values()} >= {frozenset({"handed_over", "account"})}
    assert len(server.received) == len(told) < 3 + Pigeons.concurrency


def test_a_server_that_hangs_leaves_those_under_way_unknown_and_gets_no_more(server, pigeons):
    pigeons.timeout = PATIENCE
    server.does(hang)
    told = outcomes(pigeons, copies(20))
    assert {frozenset(flags(error)) for error in told.values()} == {frozenset({"handed_over", "account"})}
    assert sorted(server.received) == sorted(told) == sorted(f"roof{n}" for n in range(1, 5))


@pytest.mark.parametrize("act", [trickle, break_off, answer(200, b" " * 70_000)])
def test_an_answer_without_an_end_or_a_beginning_leaves_the_outcome_unknown(server, pigeons, act):
    pigeons.timeout = PATIENCE
    server.does(act)
    assert flags(failure(pigeons)) == {"handed_over"}


def test_a_refusal_counts_though_its_body_has_no_end(server, pigeons):
    server.does(answer(400, b"x" * 100_000))
    assert flags(failure(pigeons)) == {"permanent"}


def test_a_server_that_refuses_connections_got_nothing_and_may_be_tried_again():
    with refusing_port() as port, Pigeons({"url": f"http://127.0.0.1:{port}/"}) as pigeons:
        error = failure(pigeons)
    assert flags(error) == {"account"}
    assert f"127.0.0.1:{port} could not be reached: " in str(error)


def test_a_server_that_does_not_take_the_connection_got_nothing(monkeypatch):
    with socket.socket() as listener, Pigeons({"url": "http://127.0.0.1/"}) as pigeons:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        pigeons.settings["url"] = f"http://127.0.0.1:{address[1]}/"
        pigeons.timeout = PATIENCE
        assert flags(failure(pigeons)) == {"account"}
        for one in waiting:
            one.close()


def test_a_name_that_is_not_found_got_nothing(monkeypatch):
    def unknown(*args):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(outgoing, "resolve", unknown)
    with Pigeons({"url": "http://nowhere.example/"}) as pigeons:
        error = failure(pigeons)
    assert (str(error), flags(error)) == ("The server's name nowhere.example could not be found.", {"account"})


@pytest.mark.parametrize("token", ["a\r\nX-Bad: 1", "a\0"])
def test_what_cannot_stand_in_a_request_is_never_sent(server, token):
    with Pigeons({"url": server.url, "token": token}) as pigeons:
        assert flags(failure(pigeons)) == {"permanent"}
    assert server.received == []


def test_a_request_that_cannot_be_made_fails_alone(server, pigeons, monkeypatch):
    call = pigeons.call

    def stumble(envelope):
        if envelope.address == "roof2":
            raise KeyError("body")
        return call(envelope)

    monkeypatch.setattr(pigeons, "call", stumble)
    told = outcomes(pigeons, copies(3))
    assert flags(told["roof2"]) == {"permanent"}
    assert sorted(server.received) == ["roof1", "roof3"]


@pytest.mark.parametrize("url", ["http://[::1", "//example.org/", "ftp://example.org/", "example.org", ""])
def test_what_is_no_url_has_an_outcome_and_is_not_sent(server, pigeons, monkeypatch, url):
    monkeypatch.setattr(pigeons, "call", lambda envelope: Call(url))
    assert flags(failure(pigeons)) == {"permanent", "account"}


def test_an_error_that_nobody_thought_of_leaves_no_copy_without_an_outcome(server, pigeons, monkeypatch):
    async def stumble(envelope):
        raise ZeroDivisionError

    monkeypatch.setattr(pigeons, "_hand_over", stumble)
    told = outcomes(pigeons, copies(3))
    assert len(told) == 3 and all(flags(error) >= {"handed_over"} for error in told.values())


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_connection_that_breaks_after_a_request_has_nothing_sent_twice(server, pigeons, monkeypatch, method):
    call = pigeons.call
    monkeypatch.setattr(pigeons, "call", lambda envelope: replace(call(envelope), method=method))
    assert isinstance(pigeons.deliver(copies(1)[0]), Receipt)  # leaves an idle connection
    server.acts["roof2"] = drop
    assert flags(failure(pigeons, to="roof2")) == {"handed_over"}
    assert server.received == ["roof1", "roof2"]


def test_a_connection_that_the_server_closed_between_two_windows_costs_nobody_anything(server, pigeons):
    outcomes(pigeons, copies(4))
    server.does(answer(200, {"id": "x"}, Connection="close"))
    outcomes(pigeons, copies(4))
    server.does(take)
    time.sleep(0.1)
    assert all(isinstance(outcome, Receipt) for outcome in outcomes(pigeons, copies(8)).values())


# The account


def test_a_refused_login_amid_many_stops_the_rest_and_those_under_way_are_told(server, pigeons):
    server.acts["roof10"] = answer(401)
    told = outcomes(pigeons, copies(200))
    assert flags(told.pop("roof10")) == {"permanent", "account"}
    assert all(isinstance(outcome, Receipt) for outcome in told.values())
    assert len(server.received) == len(told) + 1 < 10 + 2 * Pigeons.concurrency


def test_nothing_begins_after_the_deadline_and_what_is_under_way_is_told(server, pigeons):
    begun = []
    told = outcomes(pigeons, copies(5000), until=time.monotonic() + 0.3, begin=begun.extend)
    assert 0 < len(told) < 5000
    assert sorted(told) == sorted(server.received) == sorted(envelope.address for envelope in begun)


def test_a_deadline_that_has_passed_begins_nothing(server, pigeons):
    assert outcomes(pigeons, copies(3), until=time.monotonic() - 1) == {}
    assert server.received == []


def test_whoever_may_not_begin_sends_nothing(server, pigeons):
    def lost(envelopes):
        raise PermissionError

    with pytest.raises(PermissionError):
        list(pigeons.send(copies(3), begin=lost))
    assert server.received == []
    assert isinstance(pigeons.deliver(copies(1)[0]), Receipt)


def test_what_is_made_slowly_leaves_as_it_is_made(server, pigeons):
    def made():
        for envelope in copies(4):
            time.sleep(0.05)
            seen.append(len(server.received))
            yield envelope

    seen = []
    outcomes(pigeons, made())
    assert seen[-1] >= 1


def test_a_consumer_that_leaves_early_can_use_the_transport_again(server, pigeons):
    server.acts["roof2"] = hang
    for _ in pigeons.send(copies(3)):
        break
    assert isinstance(pigeons.deliver(copies(1)[0]), Receipt)


def test_thousands_leave_once_each(server, pigeons):
    pigeons.concurrency = 50
    told = outcomes(pigeons, copies(3000))
    assert Counter(server.received) == Counter(list(told)) == Counter(f"roof{n}" for n in range(1, 3001))
    assert {outcome.provider_id for outcome in told.values()} == {f"id-roof{n}" for n in range(1, 3001)}


# Where it may connect to


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_private_address_is_refused_and_nothing_is_connected_to(server, settings, host):
    settings.OPEN_NETWORKS = []
    port = server.listener.server_port
    with Pigeons({"url": f"http://{host}:{port}/"}) as pigeons:
        error = failure(pigeons)
    assert flags(error) == {"permanent", "account"}
    assert "only public addresses can be reached" in str(error)
    assert server.received == []


def test_an_address_is_judged_again_when_it_is_connected_to(server, settings, monkeypatch):
    settings.OPEN_NETWORKS = []
    monkeypatch.setattr(outgoing, "open_ones", lambda host, found: list(found))  # it was open when it was resolved
    with Pigeons({"url": f"http://localhost:{server.listener.server_port}/"}) as pigeons:
        error = failure(pigeons)
    assert flags(error) == {"permanent", "account"}
    assert str(error).startswith(f"“localhost:{server.listener.server_port}” leads to a loopback address")
    assert server.received == []


def test_no_proxy_and_no_stored_login_of_the_operator_is_used(server, pigeons, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login staff password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setattr(pigeons, "call", lambda envelope: Call(server.url, b'{"to": "roof1"}'))
    assert isinstance(pigeons.deliver(copies(1)[0]), Receipt)
    assert "Authorization" not in server.headers[0]
