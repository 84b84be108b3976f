"""The settings of an e-mail service: what each needs, and what an organization cannot write."""

from datetime import UTC, datetime

import pytest
import requests

from broadcasts.transports.email_service import SERVICES, EmailService
from broadcasts.transports.email_service.ses import SignatureV4

TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses-events"
KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE="


def form(service: str, **values):
    return EmailService.settings_form(data={"service": service, "api_key": "k3y", **values})


def error(field: str, service: str, **values) -> str:
    """The only error there is, of this field."""
    errors = form(service, **values).errors
    assert list(errors) == [field]
    return " ".join(errors[field])


@pytest.mark.parametrize(
    ("service", "values"),
    [
        ("sendgrid", {}),
        ("sendgrid", {"region": "eu"}),
        ("ses", {"key_id": "AKID", "region": "eu-west-1", "webhook_secret": TOPIC}),
        ("mailgun", {"domain": "mg.club.example"}),
        ("mailjet", {"key_id": "public", "webhook_secret": "sixteen-signs-or-more"}),
        ("postal", {"server": "https://postal.club.example"}),
        ("scaleway", {"project": "p-1"}),
    ],
)
def test_what_a_service_needs_is_enough(service, values):
    assert form(service, **values).is_valid(), form(service, **values).errors


@pytest.mark.parametrize(
    ("service", "field"),
    [("ses", "key_id"), ("mailgun", "domain"), ("mailjet", "key_id"), ("scaleway", "project"), ("postal", "server")],
)
def test_what_is_missing_is_told_beside_its_field(service, field):
    assert error(field, service) == f"{SERVICES[service].label} needs it."


def test_a_service_that_is_not_listed_is_refused():
    assert "not one of the available choices" in error("service", "anymail.backends.test.EmailBackend")


def test_a_region_of_another_service_is_told_with_those_there_are():
    assert error("region", "mailgun", domain="mg.club.example", region="eu-west-1") == "Mailgun has these: us, eu."


@pytest.mark.parametrize(
    "server",
    ["http://postal.club.example", "https://me:pw@postal.club.example", "https://10.0.0.1", "https://2130706433"],
)
def test_a_server_is_a_public_https_address(server, settings):
    settings.OPEN_NETWORKS = []
    assert error("server", "postal", server=server)


@pytest.mark.parametrize("domain", ["mg.club.example/../../v4", "https://mg.club.example", "club", "a..b"])
def test_a_domain_is_a_domain_alone(domain):
    assert "Give the domain alone" in error("domain", "mailgun", domain=domain)


def test_what_belongs_to_another_service_is_left_out():
    checked = form("sendgrid", server="https://postal.club.example", domain="mg.club.example")
    assert checked.is_valid()
    assert (checked.cleaned_data["server"], checked.cleaned_data["domain"]) == ("", "")


def test_a_key_with_a_line_break_is_refused():
    assert "characters that no key has" in error("api_key", "sendgrid", api_key="k3y\r\nX-Evil: 1")


@pytest.mark.parametrize(
    ("service", "secret", "words"),
    [
        ("postmark", "short", "at least 16"),
        ("postmark", "sixteen signs or/more", "at least 16"),
        ("sendgrid", "not a key!", "no public key"),
    ],
)
def test_a_webhook_secret_that_cannot_be_one_is_told(service, secret, words):
    assert words in error("webhook_secret", service, webhook_secret=secret)


def test_a_topic_is_told_by_its_arn():
    values = {"key_id": "AKID", "webhook_secret": "ses-events"}
    assert "ARN of the SNS topic" in error("webhook_secret", "ses", **values)


def test_a_public_key_may_come_in_its_frame():
    pem = f"-----BEGIN PUBLIC KEY-----\n{KEY[:20]}\n{KEY[20:]}\n-----END PUBLIC KEY-----\n"
    checked = form("sendgrid", webhook_secret=pem)
    assert checked.is_valid(), checked.errors
    assert checked.cleaned_data["webhook_secret"] == KEY


def test_amazon_is_signed_to_as_its_documents_show():
    """The example of AWS's documents: “Examples of how to derive a signing key”, ListUsers."""
    signer = SignatureV4("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "iam")
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"
    request = requests.Request("GET", url, headers=headers).prepare()
    signer.sign(request, datetime(2015, 8, 30, 12, 36, tzinfo=UTC))
    assert request.headers["Authorization"].endswith(
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )
