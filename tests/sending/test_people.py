"""Limits on what one person gets from a WhatsApp number, and on how many people it begins to write to in a day."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from broadcasts import audience, retention, syncing
from broadcasts.audience import Audience
from broadcasts.models import ChannelRate, Delivery, Message, PersonRate
from broadcasts.sending import people
from broadcasts.sending.outcomes import Results
from broadcasts.sending.window import PendingDelivery

from . import steps
from .test_concurrency import at_once
from .test_whatsapp import PARAMETERS, channel, cloud, draft, free_text, offer, person  # noqa: F401


@pytest.fixture
def limited(channel):  # noqa: F811
    channel.settings["people_a_day"] = 2
    channel.save()
    return channel


def window(*numbers):
    return [PendingDelivery(n, f"3460000000{n}", False, "en", 0, "", None) for n in numbers]


def first_message(broadcast) -> Message:
    return broadcast.messages.select_related("template").first()


def test_people_over_the_days_number_wait_and_the_log_says_why(club, limited, offer, cloud):  # noqa: F811
    for n in (1, 2, 3):
        person(club, n)
    broadcast = steps.send(draft(limited, template=offer, parameters=PARAMETERS))
    assert steps.log(broadcast) == {"sent": 2, "pending": 1}
    waiting = Delivery.objects.get(status="pending")
    assert "may begin to write to 2 people in 24 hours" in waiting.error
    first_end = PersonRate.objects.order_by("began_at").first().began_at + timedelta(hours=24)
    assert waiting.due_at == first_end


def test_they_go_when_the_24_hours_of_others_have_ended(club, limited, offer):  # noqa: F811
    message = first_message(draft(limited, template=offer, parameters=PARAMETERS))
    assert len(people.admit(limited, message, window(1, 2, 3), Results())) == 2
    PersonRate.objects.update(began_at=Now() - timedelta(hours=24))
    ChannelRate.objects.update(people_counted_at=Now() - timedelta(seconds=3))
    assert len(people.admit(limited, message, window(3, 4, 5), Results())) == 2


def test_somebody_written_to_today_takes_no_further_place(club, limited, offer):  # noqa: F811
    message = first_message(draft(limited, template=offer, parameters=PARAMETERS))
    people.admit(limited, message, window(1, 2), Results())
    results = Results()
    admitted = people.admit(limited, message, window(3, 1, 4, 2), results)
    assert [one.pk for one in admitted] == [1, 2]
    assert sorted(results.deferred) == [3, 4]


def test_answers_without_a_template_are_not_limited_by_the_day(club, limited, offer):  # noqa: F811
    message = first_message(draft(limited, template=offer, parameters=PARAMETERS))
    people.admit(limited, message, window(1, 2), Results())
    answer = first_message(free_text(limited))
    assert len(people.admit(limited, answer, window(3, 4), Results())) == 2


def test_each_of_those_who_wait_gets_the_next_moment(club, limited, offer):  # noqa: F811
    message = first_message(draft(limited, template=offer, parameters=PARAMETERS))
    people.admit(limited, message, window(1), Results())
    people.admit(limited, message, window(2), Results())
    results = Results()
    people.admit(limited, message, window(3), results)
    people.admit(limited, message, window(4), results)
    begun = PersonRate.objects.order_by("began_at").values_list("began_at", flat=True)
    assert [results.deferred[pk][0] for pk in (3, 4)] == [at + timedelta(hours=24) for at in begun]


def test_one_person_gets_45_messages_at_once_and_the_next_after_6_seconds(club, channel):  # noqa: F811
    message = first_message(free_text(channel))
    results = Results()
    for _ in range(45):
        assert people.admit(channel, message, window(1), results)
    assert [one.pk for one in people.admit(channel, message, window(1, 2), results)] == [2]
    until, why = results.deferred[1]
    assert "one message in 6 s" in why
    assert PersonRate.objects.order_by("-arrival").first().arrival - until == timedelta(seconds=44 * 6)


def test_a_sync_reads_the_days_number_of_the_account(channel, cloud):  # noqa: F811
    cloud.listener.tier = "TIER_2K"
    syncing.sync(channel)
    channel.refresh_from_db()
    assert (channel.people_told, channel.top_people) == (2000, 2000)
    cloud.listener.tier = "TIER_UNLIMITED"
    syncing.sync(channel)
    assert channel.people_told is None


def test_a_gateway_that_does_not_tell_the_number_changes_nothing(channel, cloud):  # noqa: F811
    channel.people_told = 250
    channel.save()
    cloud.listener.tier = "?"
    syncing.sync(channel)
    channel.refresh_from_db()
    assert channel.people_told == 250


def test_the_estimate_says_how_many_days_it_takes_and_why(club, limited, offer):  # noqa: F811
    for n in (1, 2, 3, 4, 5):
        person(club, n)
    broadcast = draft(limited, template=offer, parameters=PARAMETERS)
    found = audience.estimate(Audience.of(broadcast), [first_message(broadcast)])
    assert found.expected_duration_seconds // 86_400 == 2
    assert "2 people in 24 hours, so that 5 take 3 days" in found.slowed_by[0]


def test_rows_that_limit_nobody_any_more_are_pruned(club, channel):  # noqa: F811
    for person_, hours in (("old", 26), ("new", 2)):
        at = Now() - timedelta(hours=hours)
        PersonRate.objects.create(channel=channel, person=person_, arrival=at, began_at=at)
    assert retention.prune()["rates of people"] == 1
    assert PersonRate.objects.get().person == "new"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="it locks no rows")
def test_pruning_waits_for_no_row_that_a_window_has_locked(club, channel, monkeypatch):  # noqa: F811
    monkeypatch.setattr(retention, "CHUNK", 1)
    at = Now() - timedelta(hours=26)
    for person_ in ("a", "b", "c"):
        PersonRate.objects.create(channel=channel, person=person_, arrival=at, began_at=at)

    def prune():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return retention.prune()["rates of people"]

    with transaction.atomic():
        PersonRate.objects.select_for_update().get(person="b")
        assert at_once(1, prune) == [2]
    assert PersonRate.objects.get().person == "b"
