"""What took long to count is remembered until the broadcast is changed."""

import pickle
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from broadcasts import checking, drafting
from broadcasts.checking import people, remembering
from broadcasts.models import Channel, Organization
from tests.make import make_broadcast, make_contact

from .asked import fresh


@pytest.fixture
def slow(monkeypatch):
    monkeypatch.setattr(remembering, "SLOW_SECONDS", -1)


@pytest.fixture
def counts(monkeypatch):
    """How often the people were counted."""
    found = []
    count = people.count
    monkeypatch.setattr(people, "count", lambda *args: found.append(args) or count(*args))
    return found


@pytest.fixture
def broadcast(mail, joe):
    make_contact(mail.organization, language="es")
    return make_broadcast(mail)


def ask(broadcast):
    return checking.counted_lines(checking.read(fresh(broadcast)))


def test_what_is_counted_fast_is_counted_each_time(broadcast, counts):
    ask(broadcast)
    ask(broadcast)
    assert len(counts) == 2


def test_what_took_long_is_remembered_word_for_word(broadcast, counts, slow):
    assert [(one.name, one.words, one.digest) for one in ask(broadcast)] == [
        (one.name, one.words, one.digest) for one in ask(broadcast)
    ]
    assert len(counts) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda broadcast: drafting.save(broadcast, {"query": {"language": "es"}, "send_to_all": False}),
        lambda broadcast: broadcast.first_message().translations.get().save(),
        lambda broadcast: Organization.objects.get().save(),
        lambda broadcast: Channel.objects.get().save(),
    ],
)
def test_a_change_has_it_counted_again(broadcast, counts, slow, change):
    ask(broadcast)
    change(fresh(broadcast))
    ask(broadcast)
    assert len(counts) == 2


def test_another_time_that_is_not_saved_yet_is_counted_by_itself(broadcast, counts, slow):
    ask(broadcast)
    planned = fresh(broadcast)
    planned.scheduled_at = timezone.now() + timedelta(days=1)
    words = {one.name: one.words for one in checking.counted_lines(checking.read(planned))}
    assert (len(counts), "tomorrow" in words["schedule"]) == (2, True)


def test_the_secrets_of_channels_are_not_kept_in_the_cache(broadcast, monkeypatch, slow):
    Channel.objects.update(secrets={"password": "sesame"}, ramp={"start": 1, "growth": 2, "since": "2020-01-01"})
    later = timezone.now() + timedelta(hours=1)
    Channel.objects.update(resting_until=later)
    kept = {}
    monkeypatch.setattr(cache, "set", lambda key, value, seconds: kept.update({key: pickle.dumps(value)}))
    ask(broadcast)
    [value] = kept.values()
    assert (b"resting" in value or b"warm-up" in value, b"sesame" in value) == (True, False)


def test_a_cache_that_is_gone_costs_nothing_but_time(broadcast, monkeypatch, slow):
    def gone(*args):
        raise ConnectionError

    monkeypatch.setattr(cache, "get", gone)
    monkeypatch.setattr(cache, "set", gone)
    assert ask(broadcast)[0].words == "2 people will receive it."
