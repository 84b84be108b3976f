"""Amazon's notifications: signed with its certificate, for one topic, and subscribed to once."""

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from django.test import Client

from broadcasts.models import Channel, StoredCall
from broadcasts.transports import CallbackRequest, TransportError
from broadcasts.transports.email_service import EmailService, sns
from tests.transports.email_calls import (
    RSA_KEY,
    TOPIC,
    URL,
    is_verified,
    service,
)

# Amazon SNS


def certificate(days: int = 30) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, RSA_KEY.public_key(), 1, now - timedelta(365), now + timedelta(days))
    return made.sign(RSA_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def notification(at: datetime | None = None, **changes) -> CallbackRequest:
    told = {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Message": json.dumps(
            {"eventType": "Delivery", "mail": {"messageId": "id-1"}, "delivery": {"recipients": ["a@b.c"]}}
        ),
        "Timestamp": (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "2",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        **changes,
    }
    names = sns.NOTIFICATION if told["Type"] == "Notification" else sns.CONFIRMATION
    text = "".join(f"{name}\n{told[name]}\n" for name in names if name in told)
    method = hashes.SHA256() if told["SignatureVersion"] == "2" else hashes.SHA1()
    told["Signature"] = base64.b64encode(RSA_KEY.sign(text.encode(), padding.PKCS1v15(), method)).decode()
    headers = {"x-amz-sns-message-type": told["Type"], "content-type": "text/plain; charset=UTF-8"}
    return CallbackRequest("POST", URL, headers, json.dumps(told).encode())


@pytest.fixture
def amazon(monkeypatch):
    """What is fetched of Amazon SNS; its certificate is valid."""
    fetched = []
    monkeypatch.setattr(sns, "_certificates", sns.OrderedDict())
    monkeypatch.setattr(EmailService, "_fetch", lambda self, url: fetched.append(url) or certificate())
    return fetched


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_amazon_signs_for_the_topic_is_taken_and_its_certificate_is_kept(amazon, version):
    request = notification(SignatureVersion=version)
    assert service("ses").verify(request) and service("ses").verify(request)
    assert len(amazon) == 1
    [event] = service("ses").parse(request).events
    assert (event.type, event.provider_id) == ("delivered", "id-1")


@pytest.mark.parametrize(("kind", "hard"), [("Permanent", True), ("Transient", False)])
def test_a_bounce_by_amazon_is_hard_or_not(kind, hard):
    bounce = {"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": [{"emailAddress": "a@b.c"}]}
    told = {"notificationType": "Bounce", "mail": {"messageId": "id-1"}, "bounce": bounce}
    [event] = service("ses").parse(notification(Message=json.dumps(told))).events
    assert (event.type, event.detail["hard"]) == ("bounced", hard)


@pytest.mark.parametrize(
    "changes",
    [
        {"TopicArn": TOPIC.replace("ses", "my")},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem"},
        {"SigningCertURL": "https://evil.example/sns.eu-west-1.amazonaws.com"},
        {"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com:8443/x.pem"},
        {"SignatureVersion": "3"},
        {"at": datetime.now(UTC) - timedelta(days=2)},
    ],
)
def test_what_is_not_amazons_or_not_of_the_topic_or_old_is_refused(amazon, changes):
    assert not is_verified(service("ses"), notification(**changes))
    assert all(url.startswith("https://sns.eu-west-1.amazonaws.com/") for url in amazon)


def test_a_changed_notification_is_refused(amazon):
    good = notification()
    forged = CallbackRequest("POST", URL, good.headers, good.body.replace(b"id-1", b"id-2"))
    assert not is_verified(service("ses"), forged)


def test_a_certificate_that_has_ended_is_refused(amazon, monkeypatch):
    monkeypatch.setattr(EmailService, "_fetch", lambda self, url: certificate(days=-1))
    assert not is_verified(service("ses"), notification())


def subscription(address: str) -> CallbackRequest:
    return notification(Type="SubscriptionConfirmation", Token="t", SubscribeURL=address)


def test_a_subscription_is_confirmed_at_amazons_own_address(amazon):
    address = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    request = subscription(address)
    assert service("ses").verify(request)
    asked = len(amazon)
    told = service("ses").parse(request)
    assert (list(told.events), told.confirms, len(amazon)) == ([], address, asked)  # reading it asks nobody
    service("ses").confirm(told.confirms)
    assert amazon[asked:] == [address]


def test_a_subscription_elsewhere_is_not_followed(amazon):
    with pytest.raises(ValueError, match="not Amazon SNS's"):
        service("ses").parse(subscription("https://evil.example/?Action=ConfirmSubscription"))
    assert amazon == []


def test_a_subscription_is_confirmed_once_when_its_call_arrives(amazon, club):
    channel = Channel(organization=club, name="SES", kind="email_service", settings=service("ses").settings)
    channel.save()
    address = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    request = subscription(address)
    path = urlsplit(channel.callback_url).path
    answer = Client().post(path, request.body, "text/plain; charset=UTF-8")
    assert (answer.status_code, amazon.count(address)) == (200, 1)
    assert not StoredCall.objects.exists()


def test_a_confirmation_keeps_to_the_addresses_that_may_be_called(settings, monkeypatch):
    """Amazon's name may come to lead into a private network."""
    settings.OPEN_NETWORKS = []
    monkeypatch.setattr(sns, "amazon", lambda url: "http://localhost:9/")
    with pytest.raises(TransportError, match="only public addresses can be reached"):
        service("ses").confirm("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription")
