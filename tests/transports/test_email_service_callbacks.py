"""What e-mail services call back: each one's signature, and the events in its own format."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from django.test import Client

from broadcasts.models import Channel, StoredCall
from broadcasts.receiving.storing import KEPT
from broadcasts.transports import CallbackRequest, TransportError
from broadcasts.transports.email_service import EmailService, sns

URL = "https://club.example/callbacks/0190c7a2-0000-7000-8000-000000000001/"
PASSWORD = "a-long-password-of-ours"
NOON = 1_796_000_000
EC_KEY, RSA_KEY = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
SVIX = base64.b64encode(b"s" * 24).decode()
TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses-events"


def bare(key) -> str:
    """A public key as a service shows it: PEM without its frame."""
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(*form)).decode()


SECRETS = {
    "sendgrid": bare(EC_KEY),
    "postal": bare(RSA_KEY),
    "resend": f"whsec_{SVIX}",
    "ses": TOPIC,
    **dict.fromkeys(("postmark", "brevo", "mailjet", "sparkpost"), PASSWORD),
    **dict.fromkeys(("mailgun", "mailersend", "mailtrap", "mandrill", "unisender_go"), "sh4red"),
}
BASIC = "Basic " + base64.b64encode(f"broadcasts:{PASSWORD}".encode()).decode()


def service(name: str, **values) -> EmailService:
    key = SECRETS[name] if name == "unisender_go" else "k3y"
    return EmailService({"service": name, "api_key": key, "webhook_secret": SECRETS[name], **values})


def hexed(secret: str, data: bytes) -> str:
    return hmac.new(secret.encode(), data, "sha256").hexdigest()


def signed(name: str, told, at: float | None = None) -> CallbackRequest:
    """A callback as the service would sign it at a moment."""
    at = time.time() if at is None else at
    headers = {"content-type": "application/json"}
    if name == "mailgun":
        moment = str(int(at))
        told = {
            "signature": {"token": "t", "timestamp": moment, "signature": hexed("sh4red", f"{moment}t".encode())}
        } | told
    body = json.dumps(told).encode()
    match name:
        case "sendgrid":
            moment = str(int(at))
            proof = EC_KEY.sign(moment.encode() + body, ec.ECDSA(hashes.SHA256()))
            headers["x-twilio-email-event-webhook-timestamp"] = moment
            headers["x-twilio-email-event-webhook-signature"] = base64.b64encode(proof).decode()
        case "resend":
            moment = str(int(at))
            digest = hmac.digest(b"s" * 24, f"m1.{moment}.".encode() + body, "sha256")
            headers |= {"svix-id": "m1", "svix-timestamp": moment}
            headers["svix-signature"] = f"v1,AAAA v1,{base64.b64encode(digest).decode()}"
        case "postal":
            proof = RSA_KEY.sign(body, padding.PKCS1v15(), hashes.SHA1())
            headers["x-postal-signature"] = base64.b64encode(proof).decode()
        case "mailersend":
            headers["signature"] = hexed("sh4red", body)
        case "mailtrap":
            headers["mailtrap-signature"] = hexed("sh4red", body)
        case "mandrill":
            events = json.dumps(told)
            proof = hmac.digest(b"sh4red", f"{URL}mandrill_events{events}".encode(), "sha1")
            headers = {"content-type": "application/x-www-form-urlencoded"}
            headers["x-mandrill-signature"] = base64.b64encode(proof).decode()
            body = urlencode({"mandrill_events": events}).encode()
        case "unisender_go":
            text = json.dumps({"auth": "sh4red"} | told).encode()
            body = text.replace(b"sh4red", hashlib.md5(text).hexdigest().encode())
        case "postmark" | "brevo" | "mailjet" | "sparkpost":
            headers["authorization"] = BASIC
    return CallbackRequest("POST", URL, headers, body)


def unisender(status: str, **delivery):
    data = {"status": status, "email": "a@b.c", "event_time": "2026-11-29 12:00:00", "metadata": {"anymail_id": "id-1"}}
    data |= {"delivery_info": delivery, "url": "https://club.example/pool"}
    return {"events_by_user": [{"events": [{"event_name": "transactional_email_status", "event_data": data}]}]}


def mailgun(event: str, **fields):
    message = {"headers": {"message-id": "id-1"}}
    return {"event-data": {"event": event, "timestamp": NOON, "recipient": "a@b.c", "message": message, **fields}}


def sparkpost(type: str, **fields):
    return [{"msys": {"message_event": {"type": type, "timestamp": str(NOON), "transmission_id": "id-1", **fields}}}]


def resend(type: str, **fields):
    return {"type": type, "created_at": "2026-11-29T12:00:00Z", "data": {"email_id": "id-1", "to": ["a@b.c"], **fields}}


def mailersend(type: str, **fields):
    data = {"type": type.partition(".")[2], "email": {"message": {"id": "id-1"}, "recipient": {"email": "a@b.c"}}}
    return {"type": type, "data": {"created_at": "2026-11-29T12:00:00Z", **data, **fields}}


def sendgrid(event: str, **fields):
    return [{"event": event, "email": "a@b.c", "timestamp": NOON, "anymail_id": "id-1", **fields}]


def postmark(record: str, **fields):
    return {
        "RecordType": record,
        "MessageID": "id-1",
        "Recipient": "a@b.c",
        "ReceivedAt": "2026-11-29T12:00:00Z",
        **fields,
    }


def mailjet(event: str, **fields):
    return [{"event": event, "time": NOON, "MessageID": 101, "email": "a@b.c", **fields}]


def mandrill(event: str, **fields):
    return [{"event": event, "_id": "id-1", "ts": NOON, "msg": {"email": "a@b.c"}, **fields}]


def brevo(event: str, **fields):
    return {"event": event, "email": "a@b.c", "message-id": "id-1", "ts_epoch": NOON * 1000, **fields}


def mailtrap(event: str, **fields):
    return {"events": [{"event": event, "message_id": "id-1", "email": "a@b.c", "timestamp": NOON, **fields}]}


def postal(**payload):
    return {"timestamp": NOON, "payload": {"message": {"id": "id-1", "to": "a@b.c"}, **payload}}


PAGE = {"url": "https://club.example/pool"}
SAMPLES = [
    ("sendgrid", sendgrid("delivered"), "delivered", {}),
    ("sendgrid", sendgrid("bounce", type="bounce", reason="550 5.1.1"), "bounced", {"hard": True}),
    ("sendgrid", sendgrid("bounce", type="blocked", reason="554 5.7.1"), "bounced", {"hard": False}),
    ("sendgrid", sendgrid("dropped", reason="Bounced Address"), "failed", {"hard": False}),
    ("sendgrid", sendgrid("click", **PAGE), "clicked", PAGE),
    ("sendgrid", sendgrid("spamreport"), "complained", {}),
    ("sendgrid", sendgrid("unsubscribe"), "unsubscribed", {}),
    ("mailgun", mailgun("delivered"), "delivered", {}),
    ("mailgun", mailgun("failed", severity="permanent", reason="bounce"), "bounced", {"hard": True}),
    ("mailgun", mailgun("failed", severity="permanent", reason="generic"), "bounced", {"hard": False}),
    ("mailgun", mailgun("clicked", **PAGE), "clicked", PAGE),
    ("postmark", postmark("Delivery"), "delivered", {}),
    ("postmark", postmark("Bounce", Type="HardBounce", Description="No such user"), "bounced", {"hard": True}),
    ("postmark", postmark("Bounce", Type="SoftBounce"), "bounced", {"hard": False}),
    ("postmark", postmark("Click", OriginalLink="https://club.example/pool"), "clicked", PAGE),
    ("postmark", postmark("SpamComplaint", Type="SpamComplaint"), "complained", {}),
    ("postmark", postmark("SubscriptionChange", SuppressionReason="ManualSuppression"), "unsubscribed", {}),
    ("brevo", brevo("delivered"), "delivered", {}),
    ("brevo", brevo("hard_bounce", reason="550"), "bounced", {"hard": True}),
    ("brevo", brevo("soft_bounce"), "bounced", {"hard": False}),
    ("brevo", brevo("click", link="https://club.example/pool"), "clicked", PAGE),
    ("mailjet", mailjet("sent"), "delivered", {}),
    ("mailjet", mailjet("bounce", hard_bounce=True, error="user unknown"), "bounced", {"hard": True}),
    ("mailjet", mailjet("unsub"), "unsubscribed", {}),
    ("sparkpost", sparkpost("delivery"), "delivered", {}),
    ("sparkpost", sparkpost("bounce", bounce_class="10"), "bounced", {"hard": True}),
    ("sparkpost", sparkpost("bounce", bounce_class="22"), "bounced", {"hard": False}),
    ("sparkpost", sparkpost("click", target_link_url="https://club.example/pool"), "clicked", PAGE),
    ("resend", resend("email.delivered"), "delivered", {}),
    ("resend", resend("email.bounced", bounce={"message": "x", "type": "Permanent"}), "bounced", {"hard": True}),
    ("resend", resend("email.bounced", bounce={"message": "x", "type": "Transient"}), "bounced", {"hard": False}),
    ("resend", resend("email.clicked", click={"link": "https://club.example/pool"}), "clicked", PAGE),
    ("mailersend", mailersend("activity.delivered"), "delivered", {}),
    ("mailersend", mailersend("activity.hard_bounced"), "bounced", {"hard": True}),
    ("mailersend", mailersend("activity.soft_bounced"), "bounced", {"hard": False}),
    ("mailtrap", mailtrap("delivery"), "delivered", {}),
    ("mailtrap", mailtrap("bounce"), "bounced", {"hard": True}),
    ("mailtrap", mailtrap("spam"), "complained", {}),
    ("mandrill", mandrill("hard_bounce"), "bounced", {"hard": True}),
    ("mandrill", mandrill("soft_bounce"), "bounced", {"hard": False}),
    ("mandrill", mandrill("click", **PAGE), "clicked", PAGE),
    ("postal", postal(status="Sent"), "delivered", {}),
    ("postal", postal(status="HardFail"), "failed", {"hard": False}),
    ("unisender_go", unisender("delivered"), "delivered", {}),
    ("unisender_go", unisender("hard_bounced", delivery_status="err_user_unknown"), "bounced", {"hard": True}),
    ("unisender_go", unisender("hard_bounced", delivery_status="err_spam_rejected"), "bounced", {"hard": False}),
]
ONE_EACH = {name: told for name, told, *_ in SAMPLES}


@pytest.mark.parametrize(("name", "told", "type", "detail"), SAMPLES)
def test_each_report_becomes_an_event_of_the_copy(name, told, type, detail):
    request = signed(name, told)
    [event] = service(name).parse(request).events
    assert (event.type, event.provider_id) == (type, {"mailgun": "<id-1>", "mailjet": "101"}.get(name, "id-1"))
    assert event.at and abs(event.at.timestamp() - NOON) < 86_400 * 2
    assert detail.items() <= event.detail.items()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("sendgrid", sendgrid("open", sg_machine_open=True)),
        ("brevo", brevo("unique_proxy_open")),
    ],
)
def test_an_open_by_a_proxy_is_a_machine_s(name, told):
    [event] = service(name).parse(signed(name, told)).events
    assert (event.type, event.machine) == ("opened", True)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("sendgrid", sendgrid("deferred")),
        ("sendgrid", [{"event": "delivered", "email": "a@b.c", "timestamp": NOON}]),
        ("mailgun", mailgun("failed", severity="temporary")),
        ("sparkpost", [{"msys": {}}]),
        ("postmark", postmark("Bounce", Type="AutoResponder")),
    ],
)
def test_what_says_nothing_of_a_copy_is_no_event(name, told):
    assert list(service(name).parse(signed(name, told)).events) == []


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_stored_call_reads_as_it_did_with_all_its_headers(name):
    call = signed(name, ONE_EACH[name])
    stored = replace(call, headers={header: value for header, value in call.headers.items() if header in KEPT})
    assert service(name).parse(stored) == service(name).parse(call)


def test_an_address_without_end_is_cut():
    told = sendgrid("click", url=f"https://club.example/{'x' * 5000}")
    [event] = service("sendgrid").parse(signed("sendgrid", told)).events
    assert len(event.detail["url"]) == 2000


# Signatures


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_call_of_the_service_is_verified(name):
    assert service(name).verify(signed(name, ONE_EACH[name])) is True


def is_verified(transport: EmailService, request: CallbackRequest) -> bool:
    """As the page for callbacks sees it: an exception is no."""
    try:
        return transport.verify(request) is True
    except Exception:
        return False


@pytest.mark.parametrize("name", sorted(set(ONE_EACH) - {"mailgun", "postmark", "brevo", "mailjet", "sparkpost"}))
def test_a_forged_body_is_refused(name):
    good = signed(name, ONE_EACH[name])
    forged = CallbackRequest("POST", URL, good.headers, good.body.replace(b"id-1", b"id-2"))
    assert forged.body != good.body
    assert not is_verified(service(name), forged)


@pytest.mark.parametrize("name", ONE_EACH)
def test_another_channels_secret_is_of_no_use(name):
    others = {
        "sendgrid": bare(ec.generate_private_key(ec.SECP256R1())),
        "postal": bare(rsa.generate_private_key(65537, 2048)),
    }
    other = others.get(
        name, f"whsec_{base64.b64encode(b'o' * 24).decode()}" if name == "resend" else "another-password-here"
    )
    values = {"api_key": other} if name == "unisender_go" else {"webhook_secret": other}
    assert not is_verified(service(name, **values), signed(name, ONE_EACH[name]))


@pytest.mark.parametrize("name", sorted(set(ONE_EACH) - {"unisender_go"}))
def test_without_a_secret_no_call_is_taken(name):
    assert not is_verified(service(name, webhook_secret=""), signed(name, ONE_EACH[name]))
    assert not is_verified(service(name, webhook_secret=None), CallbackRequest("POST", URL, {}, b"[]"))


@pytest.mark.parametrize(
    ("name", "seconds"), [("sendgrid", 90_000), ("mailgun", 90_000), ("resend", 400), ("resend", -400)]
)
def test_a_stale_call_is_refused(name, seconds):
    assert not is_verified(service(name), signed(name, ONE_EACH[name], time.time() - seconds))


@pytest.mark.parametrize("header", [None, "Basic !!", "Basic YnJvYWRjYXN0czp3cm9uZw==", f"Bearer {PASSWORD}"])
def test_a_wrong_password_is_refused(header):
    headers = {"content-type": "application/json"} | ({"authorization": header} if header else {})
    request = CallbackRequest("POST", URL, headers, json.dumps(postmark("Delivery")).encode())
    assert not is_verified(service("postmark"), request)


LOOKS = {
    "unisender_go": CallbackRequest("GET", URL, {}),
    "mandrill": CallbackRequest("POST", URL, {}, b"mandrill_events=%5B%5D"),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_service_that_looks_whether_somebody_is_there_is_answered(name):
    channel = service(name, webhook_secret="")
    assert channel.verify(LOOKS[name]) and not channel.parse(LOOKS[name]).events
    assert not any(is_verified(service("postmark"), look) for look in LOOKS.values())


def test_scaleway_reports_nothing():
    scaleway = EmailService({"service": "scaleway", "api_key": "k3y", "webhook_secret": PASSWORD})
    assert not scaleway.verify(signed("postmark", postmark("Delivery")))


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
