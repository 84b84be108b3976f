"""What SMS cost, before and after they are sent."""

from decimal import Decimal

import pytest

from broadcasts import audience, pricing, sending
from broadcasts.audience import Audience
from broadcasts.models import Batch, Channel, Delivery
from broadcasts.sending import journal, recovery
from broadcasts.transports import Receipt
from tests.http_server import HttpServer
from tests.make import make_broadcast, make_contact
from tests.sending import steps

LONG = "a" * 161


@pytest.fixture
def server():
    with HttpServer() as server:
        yield server


@pytest.fixture
def texts(club, server):
    channel = Channel(organization=club, name="Texts", kind="sms", from_address="Club")
    settings = {"preset": "other", "base_url": server.base, "secret_key": "x"}
    channel.configure({**settings, "price_per_segment": "0.045", "currency": "EUR"})
    channel.save()
    return channel


@pytest.fixture
def broadcast(club, texts):
    """A draft to two who read Spanish, one segment each, and one who reads English, two segments."""
    for n, language in enumerate(["es", "es", "en"]):
        make_contact(club, phone=f"+3460000000{n}", language=language)
    make_contact(club)
    return make_broadcast(texts, body=LONG, translations={"es": {"text": "Hola {{ contact.name }}"}})


def expected(broadcast):
    return pricing.expected(broadcast, audience.estimate(Audience.of(broadcast), audience.routes_of(broadcast)))


def test_the_estimate_counts_segments_by_language_and_their_price(broadcast):
    cost = expected(broadcast)
    assert (cost.segments, cost.amounts) == (4, {"EUR": Decimal("0.180")})
    assert str(cost) == "4 SMS segments, 0.18 EUR"


def test_a_broadcast_by_mail_costs_nothing_that_is_told(club, mail):
    make_contact(club)
    assert expected(make_broadcast(mail)) is None


def test_a_draft_that_cannot_be_rendered_is_estimated_by_one_segment_each(broadcast):
    broadcast.messages.get().translations.update(text="{% if %}")
    assert expected(broadcast).segments == 3


def test_what_was_sent_is_counted_by_copy_and_in_total_at_the_price_of_its_start(broadcast, texts):
    steps.start(broadcast)
    texts.configure({**texts.settings, "price_per_segment": "9"})
    texts.save()
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 3, "skipped": 1}
    told = dict(Delivery.objects.filter(status="sent").values_list("address", "segments"))
    assert told == {"+34600000000": 1, "+34600000001": 1, "+34600000002": 2}
    assert sum(Batch.objects.values_list("segments", flat=True)) == 4
    [cost] = pricing.spent(broadcast.messages.all()).values()
    assert cost.amounts == {"EUR": Decimal("0.180")}


def test_what_a_dead_worker_had_sent_is_counted_from_its_journal(broadcast):
    steps.start(broadcast)
    batch = Batch.objects.get()
    first, last = Delivery.objects.filter(status="pending").order_by("pk")[::2]
    owner = f"{recovery.HOST}:0:x"
    Batch.objects.update(state="leased", token=1, owner=owner, started_through=last.pk)
    steps.run_out_leases()
    written = journal.Journal(batch.pk, 1, owner)
    with written:
        receipt = Receipt("id", segments=2)
        for one in (first, last):
            written.begin([one.pk])
            written.end(one.pk, receipt)
        written.write()
        sending.tick()
    assert list(Delivery.objects.filter(status="sent").values_list("segments", flat=True)) == [2, 2]
    assert Batch.objects.get(pk=batch.pk).segments == 4
