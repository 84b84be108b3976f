"""Whoever was sent an earlier broadcast can be left out of the next."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts.audience import Audience, Route, estimate, recipients
from broadcasts.models import Delivery

from ..make import make_contacts
from .people import make_earlier, make_segment, names


@pytest.fixture
def three(club):
    return make_contacts(club, 3)


@pytest.fixture
def earlier(mail, three):
    """Sent to the first lately, to the second a month ago; the third was skipped."""
    now = timezone.now()
    return make_earlier(
        mail,
        {
            three[0]: {"sent_at": now - timedelta(days=2)},
            three[1]: {"sent_at": now - timedelta(days=30)},
            three[2]: {"status": "skipped", "sent_at": None},
        },
    )


def excluded(club, earlier, days=None, **fields) -> set:
    audience = Audience(
        organization=club, send_to_all=True, excluded_broadcast_ids=[earlier.pk], excluded_days=days, **fields
    )
    rows = recipients(audience, Route())
    return set(rows.filter(skip_reason="excluded").values_list("pk", flat=True))


def test_whoever_was_ever_sent_it_is_excluded(club, earlier, three):
    assert excluded(club, earlier) == {three[0].pk, three[1].pk}


def test_only_the_last_days_count_where_they_are_given(club, earlier, three):
    assert excluded(club, earlier, days=7) == {three[0].pk}


@pytest.mark.parametrize("days", [None, 7])
def test_whom_it_may_have_reached_is_excluded_too(club, mail, three, days):
    earlier = make_earlier(mail, {three[0]: {"status": "unknown", "sent_at": None}, three[1]: {"status": "failed"}})
    assert excluded(club, earlier, days) == {three[0].pk}
    Delivery.objects.update(created=timezone.now() - timedelta(days=30))
    assert excluded(club, earlier, 7) == set()


def test_excluded_broadcasts_and_segments_add_up(club, earlier, three):
    segment = make_segment(club, "Third", members=[three[2]])
    assert len(excluded(club, earlier, days=7, excluded_ids=[segment.pk])) == 2


def test_the_excluded_stay_matched_and_are_estimated(club, earlier, three):
    audience = Audience(organization=club, send_to_all=True, excluded_broadcast_ids=[earlier.pk])
    found = estimate(audience, [Route()])
    assert (found.matched, found.will_receive, found.skipped) == (3, 1, {"excluded": 2})


def test_an_earlier_broadcast_without_messages_excludes_nobody(club, earlier):
    earlier.messages.all().delete()
    assert excluded(club, earlier) == set()
    assert (
        names(recipients(Audience(organization=club, send_to_all=True), Route()).filter(skip_reason="excluded")) == ""
    )
