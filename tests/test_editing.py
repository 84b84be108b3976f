"""Who has a page of a broadcast open, and what they typed there that is not saved."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import editing
from broadcasts.models import Broadcast, Editing
from broadcasts.retention import prune
from tests.make import make_broadcast, make_member


@pytest.fixture
def draft(mail):
    return make_broadcast(mail)


@pytest.fixture
def ada(club):
    return make_member(club, "author").user


@pytest.fixture
def joe(club):
    return make_member(club, "author").user


def opened_ago(**ago):
    Editing.objects.update(seen_at=timezone.now() - timedelta(**ago))


def test_what_was_typed_is_kept_until_it_is_forgotten(draft, ada):
    editing.keep(draft, ada, "who", "name=News", ["Name: too short"])
    assert (editing.kept(draft, ada, "who").form, editing.kept(draft, ada, "who").why_not) == (
        "name=News",
        ["Name: too short"],
    )
    editing.forget(draft, ada, "who")
    assert editing.kept(draft, ada, "who") is None


def test_the_last_of_two_forms_is_kept(draft, ada):
    editing.keep(draft, ada, "who", "name=Ne", [])
    editing.keep(draft, ada, "who", "name=News", [])
    assert editing.kept(draft, ada, "who").form == "name=News"
    assert Editing.objects.count() == 1


def test_each_user_and_each_place_has_what_was_typed_there(draft, ada, joe):
    editing.keep(draft, ada, "who", "name=News", [])
    assert editing.kept(draft, joe, "who") is None
    assert editing.kept(draft, ada, "when") is None


def test_an_open_page_drops_nothing_that_was_kept(draft, ada):
    editing.keep(draft, ada, "who", "name=News", [])
    editing.saw(draft, ada, "who")
    assert editing.kept(draft, ada, "who").form == "name=News"


def test_others_are_those_who_had_a_page_open_within_45_seconds(draft, ada, joe):
    editing.saw(draft, joe, "what:3")
    assert [(row.user, row.place) for row in editing.others(draft, ada)] == [(joe, "what:3")]
    assert not editing.others(draft, joe).exists()
    opened_ago(seconds=46)
    assert not editing.others(draft, ada).exists()


def test_rows_of_30_days_ago_are_pruned(draft, ada):
    editing.keep(draft, ada, "who", "name=News", [])
    opened_ago(days=29)
    prune()
    assert Editing.objects.count() == 1
    opened_ago(days=31)
    assert prune(dry_run=True)["open pages and unsaved words of broadcasts"] == 1
    prune()
    assert Editing.objects.count() == 0


def test_rows_of_a_broadcast_that_began_are_pruned(draft, ada):
    editing.keep(draft, ada, "who", "name=News", [])
    Broadcast.objects.filter(pk=draft.pk).update(status="SENDING")
    prune()
    assert Editing.objects.count() == 0
