"""What e-mail services call back: each one's signature, and the events in its own format."""

import base64
import json
import time
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from broadcasts.receiving.storing import KEPT
from broadcasts.transports import CallbackRequest
from broadcasts.transports.email_service import EmailService
from tests.transports.email_calls import (
    NOON,
    PASSWORD,
    URL,
    bare,
    brevo,
    is_verified,
    mailersend,
    mailgun,
    mailjet,
    mailtrap,
    mandrill,
    postal,
    postmark,
    resend,
    sendgrid,
    service,
    signed,
    sparkpost,
    unisender,
)

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
    ("name", "told", "detail"),
    [
        ("sendgrid", sendgrid("bounce", type="bounce", reason="550 5.1.1"), {"class": "hard", "code": "5.1.1"}),
        ("sendgrid", sendgrid("bounce", type="bounce", status="5.7.1"), {"hard": False, "class": "policy"}),
        ("mailgun", mailgun("failed", severity="permanent", reason="generic"), {"class": "soft"}),
        ("postmark", postmark("Bounce", Type="SoftBounce"), {"hard": False, "class": "soft"}),
        ("brevo", brevo("hard_bounce", reason="550 5.7.26 unauthenticated"), {"hard": False, "class": "policy"}),
        ("mandrill", mandrill("soft_bounce"), {"class": "soft"}),
    ],
)
def test_a_bounce_has_its_class_and_the_code_where_the_service_tells_it(name, told, detail):
    [event] = service(name).parse(signed(name, told)).events
    assert detail.items() <= event.detail.items()


def test_a_message_that_the_service_would_not_send_says_nothing_of_the_address():
    [event] = service("sendgrid").parse(signed("sendgrid", sendgrid("dropped", reason="Bounced Address"))).events
    assert event.type == "failed" and "class" not in event.detail


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
