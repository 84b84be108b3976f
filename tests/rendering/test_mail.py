"""What leaves as mail, read back with the standard library's parser."""

from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser

import pytest

from broadcasts import links
from broadcasts.exceptions import NotReady, RenderError
from broadcasts.models import Contact
from broadcasts.rendering import Recipient, compile_message
from broadcasts.rendering.mime import mailbox, text_part, unstructured
from tests.make import make_broadcast, make_contact

pytestmark = pytest.mark.one_database

HOSTILE = [
    "Joe\r\nBcc: victim@example.com",
    "Joe\n\nGotcha",
    "Joe\x00\x0b\x0c\x1b\x85\u2028\u2029X",
    'Joe "the \\ boss" <evil@example.com>, other@example.com',
    "=?utf-8?q?=0D=0ABcc:_victim@example.com?=",
    "Jürgen Müller-Lüdenscheidt (Geschäftsführer, CEO); " * 5,
    "名前" * 60,
    "x" * 250,
    "👩‍👩‍👧‍👦 " * 20,
    ".",
    "a, b",
    "a@b",
    "  ",
    "Ñ\tÑ",
]
HEADERS = {"From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"}
HEADERS |= {"Feedback-ID", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}


def shown(value: str) -> str:
    """What remains of a value in a header."""
    return " ".join("".join(char if char.isprintable() or char == "\u200d" else " " for char in value).split())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_inside_its_header(parsed, club, name):
    contact = Contact(organization=club, email="joe@example.com", full_name=name)
    mail = parsed(contact, subject="For {{ contact.name }}", body="Dear {{ contact.name }}")
    assert set(mail.keys()) == HEADERS
    assert mail["Subject"] == shown(f"For {name}")
    [to] = mail["To"].addresses
    assert to.addr_spec == "joe@example.com"
    # This parser keeps the blanks between encoded words of a name, which RFC 2047 says to drop.
    assert to.display_name.replace(" ", "") == shown(name).replace(" ", "")
    assert not mail.defects and not mail["To"].defects and not mail["Subject"].defects


@pytest.mark.parametrize(
    "text", [*HOSTILE, ".\n.\r..\r\n.x", "x" * 5000, "Ünï " * 500, "a \n b\t\n", "=\n=3D", "From me"]
)
def test_any_text_arrives_as_it_was_written(text):
    part = text_part("plain", text)
    assert max(map(len, part.split(b"\r\n"))) <= 76 and b"\n" not in part.replace(b"\r\n", b"") and part.isascii()
    content = BytesParser(policy=policy.default).parsebytes(part).get_content()
    kept = "".join(char for char in text.replace("\r\n", "\n").replace("\r", "\n") if char in "\t\n\x85" or char >= " ")
    assert content.replace("\r\n", "\n") == kept.rstrip() + "\n"


@pytest.mark.parametrize("name", [name for name in HOSTILE if not name.isascii()])
def test_a_name_in_several_encoded_words_is_one_name(name):
    raw = mailbox("To", name, "joe@example.com").decode().removeprefix("To:").strip()
    assert str(make_header(decode_header(raw))) == f"{shown(name)} <joe@example.com>"


@pytest.mark.parametrize("value", HOSTILE)
def test_lines_of_headers_are_short_and_ascii(value):
    for header in (unstructured("Subject", value), mailbox("To", value, "joe@example.com")):
        assert header.isascii() and header.count(b"\n") == header.count(b"\r\n")
        assert all(len(line) <= 78 for line in header.split(b"\r\n"))
        assert all(line.startswith(b" ") and line.strip() for line in header.split(b"\r\n")[1:-1])


def test_a_mail_says_the_same_as_one_made_by_the_standard_library(parsed, club):
    contact = make_contact(club, email="zoe@example.com", full_name="Zoë, Queen")
    ours = parsed(contact, subject="Grüße an {{ contact.name }}", body="Text für Zoë\n", html="<p>Zoë</p>\n")
    reference = EmailMessage(policy=policy.SMTP)
    reference["Subject"] = "Grüße an Zoë, Queen"
    reference["To"] = '"Zoë, Queen" <zoe@example.com>'
    reference.set_content("Text für Zoë\n")
    reference.add_alternative("<p>Zoë</p>\n", subtype="html")
    theirs = BytesParser(policy=policy.default).parsebytes(reference.as_bytes())
    assert ours["Subject"] == theirs["Subject"] and ours["To"].addresses == theirs["To"].addresses
    assert ours.get_content_type() == theirs.get_content_type() == "multipart/alternative"
    for one, other in zip(ours.iter_parts(), theirs.iter_parts(), strict=True):
        assert one.get_content_type() == other.get_content_type()
        assert one.get_content().replace("\r\n", "\n") == other.get_content().replace("\r\n", "\n")


def test_headers_tell_who_sends_and_how_to_leave(parsed, mail, settings):
    settings.BASE_URL = "https://news.example"
    mail.reply_to = "office@club.example"
    mail.save()
    token = links.delivery_token(7)
    message = parsed(key=token)
    assert message["From"] == "Swimming Club <news@club.example>"
    assert message["Reply-To"] == "office@club.example"
    assert message["Message-ID"] == f"<{token}@club.example>"
    assert message["List-Unsubscribe"] == f"<https://news.example/u/{token}/>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "<club.club.example>"
    assert message["Auto-Submitted"] == "auto-generated" and "Precedence" not in message


def test_marketing_says_it_is_bulk(parsed):
    assert parsed(use_case="marketing")["Precedence"] == "bulk"


def test_the_same_delivery_always_has_the_same_message_id(parsed):
    key = links.delivery_token(1234)
    assert parsed(key=key)["Message-ID"] == parsed(key=key)["Message-ID"]


def test_every_test_send_is_a_message_of_its_own(parsed):
    key = links.delivery_token(0)
    assert parsed(key=key)["Message-ID"] != parsed(key=key)["Message-ID"]


def test_an_international_domain_goes_out_in_punycode(parsed, club):
    contact = make_contact(club, email="jürgen@bücher.example")
    mime = parsed(contact, address="juergen@bücher.example")
    assert mime["To"].addresses[0].addr_spec == "juergen@xn--bcher-kva.example"


def test_an_envelope_names_both_ends(mail):
    message = make_broadcast(mail).messages.get()
    recipient = Recipient(links.delivery_token(1), "joe@Bücher.example", "en", make_contact(mail.organization))
    envelope = compile_message(message).envelope(recipient)
    assert (envelope.sender, envelope.address) == ("news@club.example", "joe@xn--bcher-kva.example")


@pytest.mark.parametrize("address", ["", "joe", "a b@example.com", "joe@example.com\r\nBcc: x@example.com", "a@b>c"])
def test_an_address_that_is_none_is_an_error_of_this_recipient(parsed, address, club):
    with pytest.raises(RenderError):
        parsed(make_contact(club), address=address or " ")


def test_a_channel_without_a_good_sender_is_told_before_anything_is_sent(mail):
    mail.from_address = "news@club.example\nBcc: x@example.com"
    message = make_broadcast(mail).messages.get()
    message.channel = mail
    with pytest.raises(NotReady, match="Newsletter"):
        compile_message(message)
