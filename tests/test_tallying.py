"""Counts that reports read: by link, by minute, and by language, domain and device."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Now

from broadcasts import contacts, retention, tracking
from broadcasts.models import (
    Broadcast,
    Delivery,
    DeliveryEvent,
    GroupCount,
    Link,
    MinuteCount,
)
from tests.make import make_broadcast, make_contact, make_delivery

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def broadcast(mail) -> Broadcast:
    return make_broadcast(mail)


def send_to(broadcast: Broadcast, email: str, **fields) -> Delivery:
    return make_delivery(broadcast, make_contact(broadcast.organization, email=email), **fields)


@pytest.fixture
def delivery(broadcast) -> Delivery:
    return send_to(broadcast, "joe@example.com")


@pytest.fixture
def link(broadcast) -> Link:
    return Link.objects.create(message=broadcast.messages.get(), url="https://club.example/", digest="a")


def clicks(link: Link) -> tuple[int, int, int]:
    """Clicks of people, how many people, and clicks of machines."""
    link.refresh_from_db()
    return link.clicks, link.people, link.machine_clicks


def groups(dimension: str, fact: str) -> dict[str, int]:
    return dict(GroupCount.objects.filter(dimension=dimension, fact=fact).values_list("value", "count"))


def test_facts_are_counted_in_the_minute_they_were_told_for(broadcast):
    for seconds in (0, 59, 60):
        tracking.record(send_to(broadcast, f"{seconds}@example.com"), "opened", NOON + timedelta(seconds=seconds))
    counts = MinuteCount.objects.order_by("minute").values_list("fact", "minute", "count")
    assert list(counts) == [("opened", NOON, 2), ("opened", NOON + timedelta(minutes=1), 1)]


def test_a_minute_is_the_same_in_every_time_zone(broadcast):
    for zone in (UTC, timezone(timedelta(hours=5, minutes=30))):
        moment = NOON.astimezone(zone)
        tracking.record(send_to(broadcast, f"{moment:%H}@example.com"), "opened", moment)
    assert list(MinuteCount.objects.values_list("minute", "count")) == [(NOON, 2)]


def test_facts_are_counted_by_language_domain_and_device(broadcast):
    tracking.record(send_to(broadcast, "joe@Example.com", language="es"), "opened", detail={"device": "phone"})
    tracking.record(send_to(broadcast, "ann@example.com"), "opened", detail={"device": "fridge"})
    assert groups("language", "opened") == {"es": 1, "en": 1}
    assert groups("domain", "opened") == {"example.com": 2}
    assert groups("device", "opened") == {"phone": 1}


def test_a_click_counts_as_an_open_too(delivery):
    tracking.record(delivery, "clicked", NOON)
    tracking.record(delivery, "opened", NOON)
    assert dict(MinuteCount.objects.values_list("fact", "count")) == {"opened": 1, "clicked": 1}


def test_what_is_no_news_and_what_machines_do_is_not_counted(delivery):
    tracking.record(delivery, "opened", machine=True)
    for _ in range(2):
        tracking.record(delivery, "delivered", NOON)
    assert list(MinuteCount.objects.values_list("fact", "count")) == [("delivered", 1)]
    assert groups("domain", "delivered") == {"example.com": 1}


def test_a_link_counts_clicks_of_people_and_people_and_machines_apart(broadcast, link):
    joe, ann = (send_to(broadcast, f"{name}@example.com") for name in ("joe", "ann"))
    for one in (joe, joe, ann):
        tracking.record(one, "clicked", link=link)
    tracking.record(ann, "clicked", machine=True, link=link)
    assert clicks(link) == (3, 2, 1)
    assert DeliveryEvent.objects.filter(link=link).count() == 4


def test_each_link_counts_its_own_people(delivery, link):
    other = Link.objects.create(message=link.message, url="https://club.example/2", digest="b")
    for one in (link, other, link, other):
        tracking.record(delivery, "clicked", link=one)
    assert clicks(link) == clicks(other) == (2, 1, 0)


def test_a_person_whose_mail_a_machine_clicked_first_still_counts(delivery, link):
    tracking.record(delivery, "clicked", machine=True, link=link)
    tracking.record(delivery, "clicked")
    tracking.record(delivery, "clicked", link=link)
    assert clicks(link) == (1, 1, 1)


def test_a_link_of_another_message_is_refused_and_nothing_is_noted(mail, delivery):
    message = make_broadcast(mail).messages.get()
    theirs = Link.objects.create(message=message, url="https://club.example/", digest="a")
    with pytest.raises(ValueError, match="not of the message"):
        tracking.record(delivery, "clicked", link=theirs)
    assert not DeliveryEvent.objects.exists()


def test_counts_cost_two_statements_and_a_link_one_more(delivery, link, django_assert_num_queries):
    with django_assert_num_queries(14):  # 10 without the counts; one asks, now and then, who subscribes to events
        tracking.record(delivery, "clicked", link=link)
    with django_assert_num_queries(8):  # a second click: 6 without the link
        tracking.record(delivery, "clicked", link=link)


def test_someone_erased_is_counted_by_language_alone(broadcast, delivery):
    Delivery.objects.filter(pk=delivery.pk).update(contact=None, address="")
    tracking.record(delivery, "opened", detail={"device": "phone"})
    assert list(GroupCount.objects.values_list("dimension", "value")) == [("language", "en")]


def test_erasing_forgets_a_domain_that_only_this_person_has(broadcast):
    own, shared = (send_to(broadcast, address) for address in ("joe@bloggs.example", "joe@example.com"))
    for one in (own, shared, send_to(broadcast, "ann@example.com")):
        tracking.record(one, "opened", NOON)
    for one in (own, shared):
        contacts.erase(one.contact)
    assert groups("domain", "opened") == {"example.com": 2}
    assert MinuteCount.objects.get().count == 3


def test_erasing_locks_copies_before_counts_as_reports_do(delivery, django_assert_max_num_queries):
    tracking.record(delivery, "opened", NOON)
    with django_assert_max_num_queries(1000) as queries:
        contacts.erase(delivery.contact)
    changes = [query["sql"].split()[:3] for query in queries if query["sql"].startswith(("UPDATE", "DELETE"))]
    tables = [" ".join(words) for words in changes]
    deliveries = next(i for i, told in enumerate(tables) if Delivery._meta.db_table in told)
    counts = next(i for i, told in enumerate(tables) if GroupCount._meta.db_table in told)
    assert deliveries < counts


def test_counts_outlive_the_log_without_domains_that_few_have(broadcast, settings):
    settings.DELIVERY_RETENTION_DAYS = 90
    for n in range(5):
        tracking.record(send_to(broadcast, f"{n}@example.com"), "opened", NOON)
    tracking.record(send_to(broadcast, "joe@bloggs.example"), "opened", NOON)
    Broadcast.objects.update(status="SENT", completed_at=Now() - timedelta(days=100))
    retention.prune()
    assert not Delivery.objects.exists()
    assert groups("domain", "opened") == {"example.com": 5}
    assert groups("language", "opened") == {"en": 6} and MinuteCount.objects.get().count == 6


def test_counts_go_with_their_message(broadcast, delivery, link):
    tracking.record(delivery, "clicked", link=link)
    Delivery.objects.all().delete()
    broadcast.delete()
    assert not (MinuteCount.objects.exists() or GroupCount.objects.exists() or Link.objects.exists())


@pytest.mark.django_db(transaction=True)
def test_facts_told_at_once_are_all_counted(broadcast, link):
    people = [send_to(broadcast, f"{n}@example.com") for n in range(6)]

    def act(delivery):
        try:
            tracking.record(delivery, "clicked", NOON, link=link)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, people * 3))
    assert clicks(link) == (18, 6, 0)
    assert dict(MinuteCount.objects.values_list("fact", "count")) == {"opened": 6, "clicked": 6}
    assert GroupCount.objects.filter(fact="clicked").aggregate(n=Sum("count")) == {"n": 12}  # by language and domain
