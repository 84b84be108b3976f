"""Settings that are wrong are told in one line, by their name."""

import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Read the settings afresh under some environment."""

    def read(**environment: str) -> dict:
        for name, value in {"DATA_DIR": str(tmp_path), **environment}.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "config" / "settings.py"))

    return read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUMPS", "x"),
        ("PUMPS", "0"),
        ("LEASE_SECONDS", "0"),
        ("BATCH_SIZE", "-5"),
        ("REFUSAL_BUDGET", "10"),
        ("REFUSAL_BUDGET", "nan"),
        ("EMAIL_URL", "mail.example.org"),
        ("EMAIL_BACKENDS", "anymail.backends.mailgun.EmailBackend"),
        ("EMAIL_BACKENDS", "Mailgun="),
        ("EMAIL_BACKENDS", "=a.B"),
        ("EMAIL_BACKENDS", "Mailgun=EmailBackend"),
        ("EMAIL_BACKENDS", "Mail gun=a/b.C"),
        ("EMAIL_BACKENDS", "Mailgun=a.B,Mailgun=a.C"),
        ("EMAIL_SERVICE_URLS", "http://localhost:9000/"),
        ("EMAIL_SERVICE_URLS", "sendgrid=localhost:9000"),
        ("OPEN_NETWORKS", "10.0.0.1/8"),
        ("OPEN_NETWORKS", "intranet"),
        ("OPEN_NETWORKS", "10.0.0.0/8;fd00::/8"),
        ("DNS_RESOLVERS", "dns.example.org"),
        ("DNS_RESOLVERS", "127.0.0.1:x"),
        ("DNS_RESOLVERS", "127.0.0.1;127.0.0.2"),
    ],
)
def test_a_wrong_setting_is_told_by_its_name_with_what_would_be_right(read, name, value):
    with pytest.raises(ImproperlyConfigured, match=f"^{name} is .*give .*such as"):
        read(**{name: value})


@pytest.mark.parametrize(
    ("value", "resolvers"),
    [
        ("", []),
        ("127.0.0.1", [("127.0.0.1", 53)]),
        ("127.0.0.1:5353, ::1", [("127.0.0.1", 5353), ("::1", 53)]),
        ("[2001:db8::1]:5353,[::1]", [("2001:db8::1", 5353), ("::1", 53)]),
    ],
)
def test_resolvers_have_an_address_and_a_port(read, value, resolvers):
    assert read(DNS_RESOLVERS=value)["DNS_RESOLVERS"] == resolvers


def test_a_command_tells_it_in_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(tmp_path), "PUMPS": "x"},
        text=True,
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (1, "PUMPS is “x”: give a whole number from 1 up, such as 2.\n")


def test_the_address_of_a_mail_server_is_taken_apart(read):
    found = read(EMAIL_URL="smtp+tls://me:p%40ss@mail.example.org:587", BASE_URL="https://club.example")
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == ("mail.example.org", 587, True)
    assert found["EMAIL_HOST_PASSWORD"] == "p@ss"
    assert found["DEFAULT_FROM_EMAIL"] == "broadcasts@club.example"


def test_backends_are_read_by_their_labels(read):
    assert read()["EMAIL_BACKENDS"] == {}
    told = "Mailgun = anymail.backends.mailgun.EmailBackend, Our relay=club.mail.Relay"
    assert read(EMAIL_BACKENDS=told)["EMAIL_BACKENDS"] == {
        "Mailgun": "anymail.backends.mailgun.EmailBackend",
        "Our relay": "club.mail.Relay",
    }


def test_services_are_called_elsewhere_by_their_names(read):
    assert read()["EMAIL_SERVICE_URLS"] == {}
    told = "sendgrid=http://localhost:9000/v3/, mailgun=https://proxy.club.example/mailgun"
    assert read(EMAIL_SERVICE_URLS=told)["EMAIL_SERVICE_URLS"] == {
        "sendgrid": "http://localhost:9000/v3/",
        "mailgun": "https://proxy.club.example/mailgun",
    }


def test_no_network_is_open_but_those_that_are_told(read):
    assert read()["OPEN_NETWORKS"] == []
    assert list(map(str, read(OPEN_NETWORKS="10.0.0.0/8, fd00::/8,::1")["OPEN_NETWORKS"])) == [
        *("10.0.0.0/8", "fd00::/8", "::1/128")
    ]


def test_a_host_has_a_name_of_its_own(read):
    assert read()["HOST_NAME"] == socket.gethostname()
    assert read(HOST_NAME="second")["HOST_NAME"] == "second"
