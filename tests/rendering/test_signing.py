"""DKIM signatures of our mail, as dkimpy verifies them with the records that we publish."""

import re

import dkim
import pytest

from broadcasts import confirming, inspecting, links, rendering
from broadcasts.models import Contact, MessageTranslation, PersonalLink, SendingDomain
from broadcasts.rendering.mime import unstructured
from broadcasts.rendering.signing import body_digest, fields
from broadcasts.sending import send_test
from tests.make import make_broadcast, make_contact, make_picture

pytestmark = pytest.mark.one_database

LONG = "A subject of many words that is folded over lines, since it is longer than any header may be on a single one"
KINDS = {
    "plain": {},
    "HTML": {"html": "<p>Hello  {{ contact.name }},</p>\n\n\t<p>  your   pool is closed. </p>\n"},
    "blanks at the end": {"body": "Hello {{ contact.name }}  \n\n  \n\n"},
    "ends in a value": {"body": "Hello {{ contact.name }}"},
    "foreign": {"body": "Добрый день, {{ contact.name }}. " * 30, "subject": "Бассейн закрыт"},
    "long headers": {"subject": LONG},
    "long foreign headers": {"subject": "Ünïcödé " * 30},
    "dots": {"body": ".\n..\n.hidden\n\n.\n"},
    "plain text": {"syntax": "plain", "body": "No {{ tags }} here"},
    "expressions": {"syntax": "expressions", "body": "Hello @contact.name"},
    "one by one": {"body": "{% for n in contact.name %}{{ n }}{% endfor %}", "html": "{{ contact.name }}"},
}
SHOWN = b"from to subject date message-id mime-version content-type list-id list-unsubscribe list-unsubscribe-post "
SHOWN += b"feedback-id auto-submitted"


@pytest.fixture
def domain(club):
    return SendingDomain.objects.create(organization=club, name="club.example")


@pytest.fixture(params=["rsa", "ed25519"])
def key(request, domain):
    return active(domain, request.param)


def active(domain, algorithm="ed25519"):
    key = inspecting.make_key(domain, algorithm)
    inspecting.activate(key, unseen=True)
    return key


def dns_of(domain):
    """The DNS as it would answer if all keys were published."""
    records = {inspecting.host_of(key): inspecting.record_of(key) for key in domain.keys.all()}
    return lambda name, timeout=5: records.get(name.decode().rstrip("."), "").encode()


def is_valid(mime, domain, n=0) -> bool:
    try:
        return dkim.DKIM(mime).verify(n, dnsfunc=dns_of(domain))
    except dkim.DKIMException:
        return False


def mime_of(mail, name="Joe O'Neill", **content) -> bytes:
    contact = make_contact(mail.organization, full_name=name)
    compiled = rendering.compile_message(make_broadcast(mail, **content).messages.get())
    recipient = rendering.Recipient(links.delivery_token(7), contact.email, "en", contact)
    return compiled.envelope(recipient).mime


@pytest.mark.parametrize("content", KINDS.values(), ids=KINDS)
def test_every_kind_of_mail_verifies(mail, domain, key, content):
    mime = mime_of(mail, **content)
    assert mime.startswith(b"DKIM-Signature: ")
    assert is_valid(mime, domain)


def test_mail_with_attachments_and_a_name_beyond_ascii_verifies(mail, domain, key):
    broadcast = make_broadcast(mail, html="<p>Hello</p>")
    picture = make_picture(mail.organization, name="Plan für März.png")
    translation = MessageTranslation.objects.get(message__broadcast=broadcast)
    translation.attachments = [{"media": str(picture.uuid)}]
    translation.save()
    contact = make_contact(mail.organization, full_name="名前" * 30)
    compiled = rendering.compile_message(broadcast.messages.get())
    recipient = rendering.Recipient(links.delivery_token(7), contact.email, "en", contact)
    assert is_valid(compiled.envelope(recipient).mime, domain)


def test_copies_that_are_composed_together_and_by_the_reference_all_verify(mail, domain, key):
    broadcast = make_broadcast(mail, html="<p>Dear {{ contact.name }}</p>")
    compiled = rendering.compile_message(broadcast.messages.get())
    people = [make_contact(mail.organization, full_name=f"Name {'ü' * n}") for n in range(5)]
    recipients = [rendering.Recipient(links.delivery_token(n), one.email, "en", one) for n, one in enumerate(people, 1)]
    together = [one.mime for one in compiled.envelopes(recipients)]
    alone = [compiled.compose_reference(one, one.address)[3] for one in recipients]
    assert all(is_valid(mime, domain) for mime in [*together, *alone])
    assert len({re.search(rb" bh=([^;]+)", mime)[1] for mime in together}) == 5


def test_a_changed_byte_of_the_body_or_of_a_signed_header_fails(mail, domain, key):
    mime = mime_of(mail, html="<p>Hello {{ contact.name }}</p>")
    changed = [b"Pool closed", b"List-Unsubscribe-Post: L", b"List-Unsubscribe: <h", b"Feedback-ID: ", b"O'Neill,"]
    for found in [one for one in changed if one in mime]:
        assert not is_valid(mime.replace(found, found[:-1] + b"x", 1), domain), found
    assert not is_valid(mime.replace(b"<p>Hello", b"<p>hello"), domain)


def test_both_unsubscribe_headers_and_all_others_are_covered(mail, domain, key):
    mime = mime_of(mail)
    listed = re.search(rb"\bh=([^;]+);", mime)[1].translate(None, b" \r\n").split(b":")
    assert set(listed) == set(SHOWN.split())
    assert listed.count(b"from") == listed.count(b"subject") == 2


@pytest.mark.parametrize("added", [b"From: evil@example.com\r\n", b"Subject: Win\r\n"])
def test_nobody_can_add_a_second_sender_or_subject(mail, domain, key, added):
    mime = mime_of(mail)
    assert is_valid(mime, domain)
    assert not is_valid(added + mime, domain)
    assert not is_valid(mime.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1), domain)


def test_two_active_keys_sign_both_and_rsa_comes_first(mail, domain):
    active(domain, "ed25519"), active(domain, "rsa")
    mime = mime_of(mail)
    assert re.findall(rb"a=(\S+);", mime) == [b"rsa-sha256", b"ed25519-sha256"]
    assert is_valid(mime, domain, 0) and is_valid(mime, domain, 1)


def test_no_line_is_longer_than_78_characters(mail, domain):
    active(domain, "ed25519"), active(domain, "rsa")
    head = mime_of(mail).partition(b"Date: ")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 78


def test_a_retired_key_and_one_of_another_organization_sign_nothing(mail, domain, elsewhere, key):
    active(SendingDomain.objects.create(organization=elsewhere, name="club.example"))
    assert mime_of(mail).count(b"DKIM-Signature:") == 1
    inspecting.retire(key)
    assert b"DKIM-Signature" not in mime_of(mail)


def test_mail_that_another_program_composes_again_is_not_signed(mail, domain, key, settings):
    settings.EMAIL_BACKENDS = {"Local": "django.core.mail.backends.locmem.EmailBackend"}
    mail.settings["backend"] = "Local"
    mail.save()
    assert b"DKIM-Signature" not in mime_of(mail)


def test_test_sends_verify(server, mail, domain, key):
    contact = make_contact(mail.organization, "me@club.example")
    send_test(make_broadcast(mail), [contact.email])
    [envelope] = server.received
    assert is_valid(envelope.mime, domain)


def test_mail_with_a_personal_link_verifies(server, mail, domain, key):
    confirming.ask(make_contact(mail.organization, "joe@example.com"), "marketing", source="form", evidence={})
    confirming.mail_link(PersonalLink.objects.get().pk)
    [envelope] = server.received
    assert is_valid(envelope.mime, domain)


def test_a_feedback_address_is_named_and_signed_where_there_is_a_key(mail, domain):
    mail.settings["feedback_address"] = "fbl@club.example"
    mail.save()
    assert b"CFBL" not in mime_of(mail)
    active(domain)
    mime = mime_of(mail)
    assert b"\r\nCFBL-Address: fbl@club.example; report=arf\r\n" in mime
    assert f"\r\nCFBL-Feedback-ID: {links.delivery_token(7)}\r\n".encode() in mime
    assert is_valid(mime, domain)
    assert not is_valid(mime.replace(b"CFBL-Address: fbl", b"CFBL-Address: evil"), domain)


@pytest.mark.parametrize(
    ("body", "canonical"),
    [
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b" \t \r\n", b""),
        (b"a", b"a\r\n"),
        (b"a \t b\t\r\n \r\n\r\n", b"a b\r\n"),
        (b" a\r\n\r\nb  \r\n", b" a\r\n\r\nb\r\n"),
    ],
)
def test_bodies_are_canonicalized_as_dkimpy_does(body, canonical):
    found = dkim.CanonicalizationPolicy.from_c_value(b"relaxed/relaxed").canonicalize_body(body)
    assert found == canonical
    assert body_digest(body) == dkim.HASH_ALGORITHMS[b"rsa-sha256"](canonical).digest()


def test_folded_headers_are_canonicalized_on_one_line():
    header = unstructured("Subject", LONG)
    assert header.count(b"\r\n") > 1
    assert list(fields(header)) == [(b"subject", f"subject:{LONG}\r\n".encode())]


def test_a_contact_without_a_name_verifies(mail, domain, key):
    contact = Contact(organization=mail.organization, email="joe@bücher.example")
    compiled = rendering.compile_message(make_broadcast(mail).messages.get())
    recipient = rendering.Recipient(links.delivery_token(7), contact.email, "en", contact)
    assert is_valid(compiled.envelope(recipient).mime, domain)
