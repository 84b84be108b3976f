"""Where bounces go: the envelope's sender of each copy."""

import pytest
from django.core.exceptions import ValidationError

from broadcasts.links import TEST_SEND, delivery_token
from broadcasts.rendering import Recipient, Tracking, compile_message
from broadcasts.transports.email.reports import read
from tests.make import make_broadcast, make_contact

KEY = delivery_token(4711)


@pytest.fixture
def sent_by(smtp, club):
    """Return the envelopes' senders of two copies, by the channel's settings."""

    def senders(**settings) -> list[str]:
        smtp.configure({"host": "relay.club.example", **settings})
        smtp.save()
        message = make_broadcast(smtp).messages.get()
        compiled = compile_message(message, Tracking.of(message))
        jo = make_contact(club, "jo@example.org")
        recipients = [Recipient(key, jo.email, "en", jo) for key in (KEY, delivery_token(TEST_SEND))]
        together = [envelope.sender for envelope in compiled.envelopes(recipients)]
        assert together == [compiled.envelope(recipient).sender for recipient in recipients]
        return together

    return senders


def test_bounces_go_to_the_from_address_unless_told_otherwise(sent_by):
    assert sent_by() == ["news@club.example"] * 2


def test_bounces_go_to_the_return_path(sent_by):
    assert sent_by(return_path="bounces@club.example") == ["bounces@club.example"] * 2


def test_each_copy_may_have_a_return_path_of_its_own(sent_by):
    first, second = sent_by(return_path="bounces@club.example", verp=True)
    assert first == f"bounces+{KEY}@club.example" != second
    told = read(f"From: jo@example.org\nTo: {first}\n\nHello".encode())
    assert told.replies[0].key == KEY


def test_a_from_address_without_room_for_a_key_is_used_as_it_is(sent_by, smtp):
    smtp.from_address = f"{'n' * 50}@club.example"
    assert sent_by(verp=True) == [smtp.from_address] * 2


@pytest.mark.parametrize(
    ("address", "words"),
    [("bounces", "it has no @"), (f"{'b' * 41}@club.example", "40 characters"), ("a b@club.example", "is not valid")],
)
def test_a_return_path_is_an_address_with_room_for_a_key(smtp, address, words):
    with pytest.raises(ValidationError, match=words):
        smtp.configure({"host": "relay.club.example", "return_path": address})
