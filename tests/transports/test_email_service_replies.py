"""Replies by mail that e-mail services hand on: the person's own words, what they answer, and what programs write."""

import base64
import hmac
import json
import time
from email.message import EmailMessage
from urllib.parse import urlencode

import pytest

from broadcasts.links import delivery_token
from broadcasts.transports import CallbackRequest
from broadcasts.transports.email_service import webhooks
from broadcasts.transports.reply_text import own_words
from tests.transports.email_calls import URL, is_verified, service, signed

QUOTED = "On Mon, 30 Nov 2026 at 09:00, Club <news@club.example> wrote:\n> The pool is closed.\n> Club"


def mail(text=f"Stop\n\n{QUOTED}", **headers):
    """A mail of Joe's, as he would send it."""
    message = EmailMessage()
    told = {"From": "Joe <joe@example.com>", "To": "news@club.example", "Subject": "Re: Pool", "Message-ID": "<r1@x>"}
    for name, value in {**told, **{name.replace("_", "-"): value for name, value in headers.items()}}.items():
        message[name] = value
    message.set_content(text)
    return message


def mailgun(message: EmailMessage) -> CallbackRequest:
    moment = str(int(time.time()))
    proof = hmac.new(b"sh4red", f"{moment}t".encode(), "sha256").hexdigest()
    form = {"timestamp": moment, "token": "t", "signature": proof, "body-mime": message.as_string()}
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return CallbackRequest("POST", URL, headers, urlencode(form | {"sender": "joe@example.com"}).encode())


def ses(message: EmailMessage) -> CallbackRequest:
    told = {"notificationType": "Received", "content": message.as_string(), "mail": {"source": "joe@example.com"}}
    told["receipt"] = {"action": {"type": "SNS", "encoding": "UTF8"}, "recipients": ["news@club.example"]}
    body = json.dumps({"Type": "Notification", "MessageId": "1", "Message": json.dumps(told)})
    return CallbackRequest("POST", URL, {"content-type": "text/plain; charset=UTF-8"}, body.encode())


def headers_of(message: EmailMessage) -> dict:
    return {name: str(value) for name, value in message.items() if name not in ("Content-Type", "MIME-Version")}


CALLS = {
    "brevo": lambda one: signed(
        "brevo",
        {"items": [{"Headers": headers_of(one), "RawTextBody": one.get_content(), "Attachments": [{"Name": "a.pdf"}]}]},
    ),
    "mailgun": mailgun,
    "mailjet": lambda one: signed("mailjet", {"Headers": headers_of(one), "Text-part": one.get_content()}),
    "mandrill": lambda one: signed("mandrill", [{"event": "inbound", "ts": 1, "msg": {"raw_msg": one.as_string()}}]),
    "postal": lambda one: signed("postal", {"rcpt_to": "a@b.c", "message": one.as_string(), "base64": False}),
    "postmark": lambda one: signed(
        "postmark",
        {
            "FromFull": {"Email": "joe@example.com", "Name": "Joe"},
            "Subject": one["Subject"],
            "TextBody": one.get_content(),
            "Headers": [
                {"Name": name, "Value": value}
                for name, value in headers_of(one).items()
                if name not in ("From", "Subject")
            ],
        },
    ),
    "ses": ses,
    "sparkpost": lambda one: signed(
        "sparkpost",
        [
            {
                "msys": {
                    "relay_message": {
                        "protocol": "smtp",
                        "content": {
                            "email_rfc822": base64.b64encode(one.as_bytes()).decode(),
                            "email_rfc822_is_base64": True,
                        },
                    }
                }
            }
        ],
    ),
}


def replies(call, name="mailgun"):
    told = service(name).parse(call)
    assert not told.events
    return told.replies


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_reply_is_read_from_what_the_service_hands_on(name):
    [reply] = replies(CALLS[name](mail(In_Reply_To="<0101@eu-west-1.amazonses.com>")), name)
    assert (reply.address, reply.text, reply.payload["subject"]) == ("joe@example.com", "Stop", "Re: Pool")
    assert reply.provider_id == "<r1@x>"
    assert reply.answers == ("0101" if name == "ses" else "<0101@eu-west-1.amazonses.com>")


@pytest.mark.parametrize("name", sorted(set(CALLS) - {"ses"}))
def test_a_mail_is_taken_with_the_services_own_proof_only(name):
    call = CALLS[name](mail())
    assert is_verified(service(name), call)
    assert not is_verified(service(name, webhook_secret="another-secret-altogether"), call)


def test_an_old_mail_is_not_taken_again():
    call = mailgun(mail())
    body = call.body.replace(b"timestamp=1", b"timestamp=0")
    assert not is_verified(service("mailgun"), CallbackRequest("POST", URL, call.headers, body))


@pytest.mark.parametrize("header", ["In_Reply_To", "References"])
def test_a_reply_names_its_copy_by_our_message_id(header):
    key = delivery_token(7)
    [reply] = replies(mailgun(mail(**{header: f"<{key}@club.example>"})))
    assert reply.key == key
    [stranger] = replies(mailgun(mail(**{header: "<guess@club.example>"})))
    assert stranger.key == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Auto-Submitted": "auto-generated; type=vacation"},
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"X-Autoreply": "yes"},
        {"Return-Path": "<>"},
    ],
)
def test_what_a_program_writes_is_no_reply(headers):
    assert replies(mailgun(mail("I am away until Monday.", **headers))) == []


def test_what_says_that_a_person_wrote_it_is_a_reply():
    assert len(replies(mailgun(mail(Auto_Submitted="no")))) == 1


@pytest.mark.parametrize("sender", ["", "nobody", "=?utf-8?b?4?= <>"])
def test_a_mail_without_a_sender_is_no_reply(sender):
    assert replies(mailgun(mail(From=sender))) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"Yes\n\n{QUOTED}", "Yes"),
        ("Sí\n\nEl lun, 30 nov 2026 a las 9:00, Club (<news@club.example>)\nescribió:\n\n> Cerrado", "Sí"),
        ("Ja\n\nAm Montag schrieb Club:\n> Zu", "Ja"),
        ("Yes\r\n\r\n-----Original Message-----\r\nFrom: Club", "Yes"),
        ("Yes\n________________________________\nFrom: Club", "Yes"),
        ("> Come?\nYes", "Yes"),
        ("On time:\nat nine", "On time:\nat nine"),
        ("", ""),
    ],
)
def test_the_message_that_a_person_quotes_is_left_out(text, words):
    assert own_words(text) == words


def html(text: str) -> str:
    message = EmailMessage()
    for name, value in {"From": "joe@example.com", "Message-ID": "<r1@x>"}.items():
        message[name] = value
    message.set_content(text, subtype="html")
    [reply] = service("mailgun").parse(mailgun(message)).replies
    return reply.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<style>p {}</style><p>Yes<br>please</p><blockquote><p>The pool</p></blockquote>", "Yes\nplease"),
        ("Yes<blockquote>a<style>b</style>c</blockquote> please", "Yes please"),
        ("Yes<style>p {} please", "Yesp {} please"),  # a style without an end hides nothing
        ("Yes " + "<style " * 13_000, "Yes " + "<style " * 13_000),  # read in one pass
    ],
)
def test_html_is_read_without_styles_and_quotes_however_it_ends(text, words):
    assert html(text)[:1000] == words[:1000]


def odd(message: EmailMessage) -> dict:
    raw = message.as_string().replace('charset="utf-8"', 'charset="x-unknown"')
    return {"event": "inbound", "ts": 1, "msg": {"raw_msg": raw}}


def test_a_mail_in_a_charset_that_nobody_knows_is_read():
    [reply] = service("mandrill").parse(signed("mandrill", [odd(mail("Stop"))])).replies
    assert reply.text == "Stop"


def test_a_mail_that_cannot_be_read_takes_no_other_with_it(monkeypatch):
    found = webhooks.reply_of
    monkeypatch.setattr(
        webhooks, "reply_of", lambda told, ids: 1 / 0 if "Bad" in told.message.text else found(told, ids)
    )
    calls = [{"event": "inbound", "ts": 1, "msg": {"raw_msg": mail(text).as_string()}} for text in ("Bad", "Good")]
    assert [reply.text for reply in service("mandrill").parse(signed("mandrill", calls)).replies] == ["Good"]


def test_an_old_signature_of_mailgun_is_not_made_fresh_by_a_header():
    old = str(int(time.time()) - 30 * 86_400)
    form = {"timestamp": old, "token": "t", "signature": hmac.new(b"sh4red", f"{old}t".encode(), "sha256").hexdigest()}
    headers = {"content-type": "application/x-www-form-urlencoded"}
    headers["x-twilio-email-event-webhook-timestamp"] = str(int(time.time()))
    assert not is_verified(service("mailgun"), CallbackRequest("POST", URL, headers, urlencode(form).encode()))


def test_words_of_amazon_about_the_topic_itself_tell_nothing():
    told = {
        "Type": "Notification",
        "MessageId": "1",
        "Message": "Successfully validated SNS topic for Amazon SES event publishing.",
    }
    call = CallbackRequest("POST", URL, {"content-type": "text/plain; charset=UTF-8"}, json.dumps(told).encode())
    assert service("ses").parse(call).things == 0
