"""The benches of what goes out by HTTP: the providers, the caller, the figures, and the smallest runs."""

import json
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from broadcasts.management.benchmarks import caller as caller_module
from broadcasts.management.benchmarks import people
from broadcasts.management.benchmarks.callbacks import CallRound
from broadcasts.management.benchmarks.callbacks import table as phases_table
from broadcasts.management.benchmarks.caller import Caller, request
from broadcasts.management.benchmarks.faults import FAULTS, faults_of
from broadcasts.management.benchmarks.figures import table
from broadcasts.management.benchmarks.kinds import CHAINS, KINDS
from broadcasts.management.benchmarks.provider import ProviderSession
from broadcasts.management.benchmarks.receiver import receiver
from broadcasts.models import Contact
from tests.commands.test_bench import FIGURES, left_nothing

COPIES = {
    "/cloud/v23.0/1/messages": {"messaging_product": "whatsapp", "to": "34700000001", "biz_opaque_callback_data": "k1"},
    "/sms/messages": {"to": "34700000001", "text": "Hello", "key": "k2"},
    "/hook": {"data": {"delivery": "k3", "recipient": {"external_id": "34700000001"}}},
}


@pytest.fixture
def taker(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    with receiver(1, ProviderSession) as running:
        yield running


def post(taker, path: str, body: dict | None = None) -> tuple[int, dict]:
    with closing(HTTPConnection("127.0.0.1", taker.port, timeout=20)) as connection:
        connection.request("POST", path, json.dumps(body or COPIES[path]))
        response = connection.getresponse()
        return response.status, json.loads(response.read())


@pytest.mark.parametrize("path", COPIES)
def test_each_provider_takes_a_copy_and_writes_down_whose_it_was(taker, path):
    status, answer = post(taker, path)
    assert status == 200
    assert list(taker.truth()) == [("34700000001", f"k{list(COPIES).index(path) + 1}")]
    if path != "/hook":
        assert (answer.get("messages") or [answer])[0]["id"]


def test_an_answer_takes_as_long_as_the_provider_is_told(taker):
    taker.behave(latency=0.05)
    post(taker, "/hook")
    assert taker.tell().waiting == 0 and taker.received() == 1


@pytest.mark.parametrize("path", COPIES)
def test_a_provider_refuses_whom_it_is_told_and_by_no_other_channel(taker, path):
    kind = {"/cloud/v23.0/1/messages": "whatsapp", "/sms/messages": "sms", "/hook": "webhook"}[path]
    taker.behave(refuses=frozenset({f"{kind}:34700000001"}))
    assert post(taker, path)[0] == 400
    others = [other for other in COPIES if other != path]
    assert [post(taker, other)[0] for other in others] == [200, 200]
    assert taker.received() == 2


def test_what_is_put_off_is_not_taken(taker):
    taker.behave(laters=1.0)
    assert [post(taker, path)[0] for path in COPIES] == [500, 500, 500]
    assert taker.behave(laters=0.0).laters == 3
    assert taker.received() == 0


def test_every_dropped_request_may_have_cost_a_copy(taker):
    taker.behave(drops=1.0)
    for _ in range(20):
        with suppress(HTTPException, OSError):
            post(taker, "/hook")
    told = taker.behave(drops=0.0)
    assert told.drops == told.drops_late >= 20
    assert taker.received() <= told.drops_late


def test_a_provider_lists_its_templates_and_knows_no_other_path(taker):
    with closing(HTTPConnection("127.0.0.1", taker.port, timeout=20)) as connection:
        connection.request("GET", "/cloud/v23.0/2/message_templates?limit=2")
        assert len(json.loads(connection.getresponse().read())["data"]) == 2
    assert post(taker, "/nowhere", {"to": "1"})[0] == 404


class Moody(BaseHTTPRequestHandler):
    """Answers every second call with an error, and with it hangs up."""

    protocol_version = "HTTP/1.1"
    seen: list[bytes] = []

    def do_POST(self) -> None:
        self.seen.append(self.rfile.read(int(self.headers["Content-Length"])))
        is_fine = len(self.seen) % 2 == 0
        self.send_response(200 if is_fine else 503)
        self.send_header("Content-Length", "0")
        if not is_fine:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *args) -> None:
        pass


def test_the_caller_repeats_what_is_not_taken_until_all_is():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Moody)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    requests = [request("/callbacks/x/", server.server_port, b"%d" % n, {"X-Odd": "1"}) for n in range(10)]
    caller = Caller(server.server_port, requests)
    told = caller.told()
    caller.kill()
    server.shutdown()
    server.server_close()
    assert told.calls == 10 and told.repeats >= 5 and told.statuses[503] == told.repeats
    assert set(Moody.seen) == {b"%d" % n for n in range(10)}
    assert told.seconds > 0 and told.cpu_seconds > 0


class Slow(Moody):
    """Answers the first call late."""

    first = threading.Event()

    def do_POST(self) -> None:
        if not self.first.is_set():
            self.first.set()
            time.sleep(0.2)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_the_caller_makes_calls_at_a_rate_and_counts_their_wait_from_when_they_were_due(monkeypatch):
    monkeypatch.setattr(caller_module, "CONNECTIONS", 1)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    requests = [request("/", server.server_port, b"", {})] * 5
    caller = Caller(server.server_port, requests, rate=100)
    told = caller.told()
    caller.kill()
    server.shutdown()
    server.server_close()
    assert told.calls == 5 and told.median_ms > 100  # the others were due while the first one was answered


HTTP_FIGURES = replace(
    FIGURES, source_rate=None, loop_rate=None, ceiling_rate=500, bare_rate=2_500, bare_cpu_seconds=10,
    receiver_cpu_seconds=1, cpu_seconds=12, seconds=20,
)  # fmt: skip


def test_what_goes_out_by_http_is_compared_with_bare_aiohttp_and_the_latency():
    lines = {line.split("   ")[0].strip(): line.split() for line in table([HTTP_FIGURES]).splitlines()}
    assert lines["messages/s end to end"][4:] == ["500", "ok", "400", "800"]
    assert lines["of what the latency allows"][-1] == "1.00"
    assert lines["of bare aiohttp"][-1] == "0.20"
    assert lines["worker CPU us per message"][5:] == ["1,200", "ok", "1500", "1000"]
    assert lines["the provider's beside it"][-1] == "100"
    assert "smtp-source" not in table([HTTP_FIGURES])
    assert HTTP_FIGURES.as_json()["of_bare_cpu"] == pytest.approx(1.2)


PHASE = CallRound(
    fact="read", calls=100, taken_seconds=0.1, applied_seconds=0.2, caller_cpu_us=50, web_cpu_us=700, worker_cpu_us=200,
    median_ms=12, slow_ms=40, repeats=3, kills={"web processes": 2}, lost=0, counted=100,
)  # fmt: skip


def test_a_lost_call_and_one_counted_twice_are_seen():
    assert PHASE.is_kept
    assert not replace(PHASE, lost=1).is_kept and not replace(PHASE, counted=101).is_kept


def test_callbacks_are_told_with_and_without_kills():
    told = phases_table([replace(PHASE, fact="delivered", kills={}), PHASE])
    assert "read, under kills" in told and "2 web processes" in told
    rate = next(line for line in told.splitlines() if "taken in and applied" in line)
    assert rate.split()[-5:] == ["500", "ok", "500", "500", "1500"]


def test_no_two_addresses_of_the_people_are_the_same(club):
    people.load(club, 50)
    rows = Contact.objects.values_list(*{kind.column for kind in KINDS.values()})
    addresses = [address.lstrip("+") for row in rows for address in row]
    assert len(addresses) == len(set(addresses)) == 4 * 50


def test_a_chain_of_channels_is_tried_with_the_faults_of_our_own_processes():
    assert faults_of("whatsapp") == list(FAULTS)
    assert {"workers", "supervisor", "database", "all"} <= set(faults_of("fallback"))
    assert not {"drop", "refuse", "hang"} & set(faults_of("fallback"))
    assert [kind.name for kind in CHAINS["fallback"]] == ["whatsapp", "sms"]


@pytest.mark.story
def test_a_run_of_sms_reports_its_figures_and_leaves_nothing(installation):
    printed = installation.run("bench", "send", "--channel", "sms", "--contacts", "100", "--json")
    [figures] = json.loads(printed[printed.index("{\n") :])["medians"]
    assert figures["contacts"] == 100
    assert all(figures[name] > 0 for name in ("rate", "of_ceiling", "of_bare"))
    assert all(figures[name] >= 0 for name in ("cpu_us", "receiver_cpu_us"))  # told in ticks of 10 ms
    left_nothing(installation)


@pytest.mark.story
def test_a_run_of_callbacks_loses_none_and_leaves_nothing(installation):
    printed = installation.run("bench", "callbacks", "--contacts", "100", "--json")
    calm, killed = json.loads(printed[printed.index("{\n") :])["phases"]
    assert calm["calls"] == killed["calls"] == 100
    assert calm["is_kept"] and killed["is_kept"] and calm["kills"] == {}
    left_nothing(installation)
