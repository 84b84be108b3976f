"""The address policy: what is public, what the operator opens, and that a connection goes where it was judged."""

import socket
import time
from contextlib import contextmanager
from ipaddress import ip_network

import pytest

from broadcasts import outgoing
from broadcasts.outgoing import ClosedAddress, check_host, closed_by, connect, is_open


@pytest.fixture
def opened(settings):
    """Open these networks and no others."""

    def open_these(*networks: str) -> None:
        settings.OPEN_NETWORKS = [ip_network(network) for network in networks]

    open_these()
    return open_these


@pytest.fixture
def names(monkeypatch):
    """Have any name resolve to these addresses, one list after the other; returns what was asked."""

    def resolve_to(*answers: list[str]) -> list[str]:
        asked, ahead, genuine = [], list(answers), socket.getaddrinfo

        def look_up(host, port, **kwargs):
            asked.append(host)
            return [one for address in ahead.pop(0) for one in genuine(address, port, **kwargs)]

        monkeypatch.setattr("socket.getaddrinfo", look_up)
        return asked

    return resolve_to


@contextmanager
def listener(address: str = "127.0.0.1"):
    with socket.create_server((address, 0)) as server:
        server.settimeout(5)
        yield server


def visitors(server: socket.socket) -> int:
    """How many connections wait to be accepted."""
    server.setblocking(False)
    count = 0
    try:
        while True:
            server.accept()[0].close()
            count += 1
    except BlockingIOError:
        return count


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.1.2", "loopback"),
        ("10.0.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("169.254.169.254", "link-local"),
        ("100.64.0.1", "shared"),
        ("224.0.0.1", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("192.0.2.1", "documentation"),
        ("198.51.100.7", "documentation"),
        ("203.0.113.9", "documentation"),
        ("192.0.0.8", "reserved"),
        ("198.18.0.1", "reserved"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("::1", "loopback"),
        ("::", "unspecified"),
        ("fd00::1", "private"),
        ("fec0::1", "private"),
        ("fe80::1", "link-local"),
        ("ff02::1", "multicast"),
        ("2001:db8::1", "documentation"),
        ("3fff::1", "documentation"),
        ("2001:2::1", "reserved"),
        ("100::1", "reserved"),
        ("4000::1", "reserved"),
        ("::127.0.0.1", "reserved"),
        ("64:ff9b:1::7f00:1", "reserved"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("2002:7f00:1::", "loopback"),
        ("2002:a9fe:a9fe::1", "link-local"),
        ("2001:0:808:808::80ff:fffe", "loopback"),  # the client of a Teredo address is written inverted: 127.0.0.1
        ("2001:0:a00:1::f7f7:f7f7", "private"),  # its server is 10.0.0.1
        ("64:ff9b::c0a8:101", "private"),
        ("fe80::1%eth0", "interface"),
        ("2606:4700::1%2", "interface"),
    ],
)
def test_what_is_not_public_is_closed_and_says_why(opened, address, rule):
    assert not is_open(address)
    assert rule in closed_by(outgoing.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2001:4860:4860::8888"),
        *("::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"),
    ],
)
def test_public_addresses_are_open(opened, address):
    assert is_open(address)


def test_the_operator_opens_networks_in_all_their_notations(opened):
    opened("10.1.0.0/16", "fd00::/8")
    assert all(map(is_open, ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd12::1"]))
    assert not any(map(is_open, ["10.2.0.1", "127.0.0.1", "::1"]))


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "0x7f000001", "017700000001", "127.1", "127.0.0.1.", "１２７.1"]
)
def test_a_number_is_no_host(opened, host):
    with pytest.raises(ValueError, match="is a number and not a host; give a name"):
        check_host(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::ffff:127.0.0.1", "fe80::1%eth0"])
def test_a_closed_ip_address_is_refused_before_anything_is_resolved(opened, names, host):
    asked = names()
    with pytest.raises(ClosedAddress, match="OPEN_NETWORKS"):
        check_host(host)
    assert asked == []


@pytest.mark.parametrize("host", ["smtp.example.org", "localhost", "8.8.8.8", "mail.1und1.de", "correo.españa.es"])
def test_names_and_public_addresses_may_be_given(opened, host):
    check_host(host)


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1", "::ffff:127.0.0.1", "0.0.0.0"])
def test_nothing_connects_to_a_closed_address_however_it_is_written(opened, host):
    with listener() as server:
        with pytest.raises(ClosedAddress):
            connect(host, server.getsockname()[1], 5)
        assert visitors(server) == 0


def test_the_refusal_tells_the_rule_and_not_the_address(opened, names):
    names(["10.20.30.40"])
    with pytest.raises(ClosedAddress) as refused:
        connect("inner.example.org", 25, 5)
    assert "“inner.example.org” leads to a private network" in str(refused.value)
    assert "10.20" not in str(refused.value)


def test_a_name_that_changes_its_address_gains_nothing(opened, names):
    """Rebinding: the first answer is open and the second is closed; there is no second question."""
    opened("127.0.0.2/32")
    asked = names(["127.0.0.2"], ["127.0.0.1"])
    with listener("127.0.0.1") as closed, pytest.raises(ConnectionRefusedError):
        connect("rebinding.example.org", closed.getsockname()[1], 5)
    assert asked == ["rebinding.example.org"]


def test_of_several_addresses_only_the_open_ones_are_tried(opened, names):
    opened("127.0.0.2/32")
    names(["127.0.0.1", "127.0.0.2"])
    with listener("127.0.0.2") as server, connect("both.example.org", server.getsockname()[1], 5) as connected:
        assert connected.getpeername()[0] == "127.0.0.2"


def test_the_next_address_is_tried_when_one_refuses(opened, names):
    opened("127.0.0.0/8")
    names(["127.0.0.3", "127.0.0.2"])
    with listener("127.0.0.2") as server, connect("two.example.org", server.getsockname()[1], 5) as connected:
        assert connected.getpeername()[0] == "127.0.0.2"
        assert connected.gettimeout() == 5


def test_an_ipv6_address_is_connected_to(opened):
    opened("::1/128")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        connected = connect("::1", server.getsockname()[1], 5)
    with connected:
        assert connected.family == socket.AF_INET6


def test_all_addresses_share_one_deadline(opened, monkeypatch):
    def slow(host, port, **kwargs):
        time.sleep(0.05)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))] * 3

    monkeypatch.setattr("socket.getaddrinfo", slow)
    with pytest.raises(TimeoutError):
        connect("slow.example.org", 25, 0.01)


def test_an_address_of_one_interface_is_closed_where_a_name_leads_to_it(opened):
    found = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1", 25, 0, 2))
    with pytest.raises(ClosedAddress, match="interface"):
        outgoing.open_ones("scoped.example.org", [found])
