"""Preview, test, estimate, log and mail agree about the language that somebody gets."""

import pytest

from broadcasts import audience, rendering, sending
from broadcasts.models import Broadcast, Delivery
from tests.make import make_broadcast, make_contact

from .steps import send


@pytest.fixture
def broadcast_in(mail):
    """Make a broadcast whose message is written in these languages, with the language as its subject."""

    def make(*languages: str) -> Broadcast:
        texts = {one: {"subject": one, "text": one} for one in languages}
        return make_broadcast(mail, name="Closed", base_language=languages[0], translations=texts)

    return make


EXAMPLES = [
    ("es-MX", ["en", "es-ES"], "es-ES"),
    ("pt", ["en", "pt-BR"], "pt-BR"),
    ("zh-Hant-TW", ["en", "zh-Hans", "zh-Hant"], "zh-Hant"),
    ("zh-Hant-TW", ["en", "zh-Hans"], "en"),
    ("fr", ["en", "es"], "en"),
]


@pytest.mark.parametrize(("language", "languages", "expected"), EXAMPLES)
def test_preview_and_test_are_in_the_language_that_is_sent(club, server, broadcast_in, language, languages, expected):
    contact, broadcast = make_contact(club, language=language), broadcast_in(*languages)
    assert rendering.preview(broadcast.messages.get(), contact).language == expected
    sending.send_test(broadcast, [contact.email])
    send(broadcast)
    assert [envelope.subject for envelope in server.received] == [f"[Test] {expected}", expected]


@pytest.mark.parametrize(("language", "languages", "expected"), EXAMPLES)
def test_the_estimate_names_the_language_that_is_logged(club, server, broadcast_in, language, languages, expected):
    make_contact(club, language=language)
    broadcast = broadcast_in(*languages)
    estimate = audience.estimate(audience.Audience.of(broadcast), audience.routes_of(broadcast))
    assert estimate.per_language == {expected: 1}
    send(broadcast)
    assert Delivery.objects.get().language == expected


def test_who_would_get_no_translation_gets_no_test_and_a_preview_shows_the_first(club, server, broadcast_in):
    contact, broadcast = make_contact(club, "joe@example.com", language="fr"), broadcast_in("es")
    make_contact(club, "ana@example.com", language="es")
    Broadcast.objects.update(base_language="de")
    broadcast.refresh_from_db()
    assert rendering.preview(broadcast.messages.get(), contact).language == "es"
    [(_, why)] = sending.send_test(broadcast, ["joe@example.com"])
    assert why == "No test was sent to joe@example.com: no content in a language that fits."
    send(broadcast)
    assert contact.deliveries.get().reason == "no_translation"
    assert [envelope.address for envelope in server.received] == ["ana@example.com"]
