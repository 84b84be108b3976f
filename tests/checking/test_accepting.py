"""Warnings are accepted by name, for as long as they say the same."""

import pytest

from broadcasts import checking, sending
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import AuditEntry, Broadcast, MessageTranslation
from tests.make import make_broadcast, make_contacts

from .asked import fresh

pytestmark = pytest.mark.usefixtures("joe")


@pytest.fixture
def broadcast(mail):
    return make_broadcast(mail, html="<p>Hi</p>")


def open_names(broadcast) -> list[str]:
    broadcast = fresh(broadcast)
    return [line.name for line in checking.open_lines(broadcast, checking.check(broadcast))]


def test_a_warning_keeps_a_broadcast_open_until_somebody_accepts_it(broadcast, author):
    assert open_names(broadcast) == ["preheader"]
    checking.accept(fresh(broadcast), ["preheader"], author.user)
    assert open_names(broadcast) == []


def test_who_accepted_it_is_kept_and_audited(broadcast, author):
    checking.accept(fresh(broadcast), ["preheader"], author.user)
    assert fresh(broadcast).accepted_warnings["preheader"]["by"] == str(author.user)
    assert AuditEntry.objects.get(act="accept warnings").detail == {"fields": ["preheader"]}


def test_accepting_does_not_count_as_a_change_of_the_broadcast(broadcast, author):
    before = fresh(broadcast).modified
    checking.accept(fresh(broadcast), ["preheader"], author.user)
    assert fresh(broadcast).modified == before


def test_a_stop_cannot_be_accepted(broadcast, author):
    MessageTranslation.objects.update(subject="")
    with pytest.raises(InvalidInput, match="No warning is called subject"):
        checking.accept(fresh(broadcast), ["subject"], author.user)
    assert "subject" in open_names(broadcast)


def test_a_line_that_is_fine_cannot_be_accepted(broadcast, author):
    with pytest.raises(InvalidInput, match="No warning is called content"):
        checking.accept(fresh(broadcast), ["content"], author.user)


def test_a_warning_that_says_something_else_is_open_again(broadcast, author):
    checking.accept(fresh(broadcast), ["preheader"], author.user)
    message = broadcast.first_message()
    message.translations.create(language="es", subject="Hola", html="<p>Hola</p>", position=1)
    assert open_names(broadcast) == ["preheader"]


def test_what_was_accepted_once_is_forgotten_when_another_is_accepted(broadcast, author):
    checking.accept(fresh(broadcast), ["preheader"], author.user)
    MessageTranslation.objects.update(preheader="Closed", subject="CLOSED ALL DAY")
    checking.accept(fresh(broadcast), ["subject_style"], author.user)
    assert list(fresh(broadcast).accepted_warnings) == ["subject_style"]


def test_what_changed_since_it_was_read_is_not_accepted(broadcast, author):
    with pytest.raises(InvalidInput, match="says something else by now"):
        checking.accept(fresh(broadcast), ["preheader"], author.user, {"preheader": "of other words"})


def test_a_warning_about_people_is_accepted_too_and_survives_one_more_of_them(mail, author):
    make_contacts(mail.organization, 31, language="es")
    broadcast = make_broadcast(mail)
    checking.accept(fresh(broadcast), ["languages"], author.user)
    make_contacts(mail.organization, 1, language="es")
    assert open_names(broadcast) == []


def test_a_broadcast_that_began_accepts_nothing(broadcast, author):
    Broadcast.objects.update(status="SENDING")
    with pytest.raises(WrongState):
        checking.accept(fresh(broadcast), ["preheader"], author.user)


def test_a_copy_starts_with_nothing_accepted(broadcast, author):
    checking.accept(fresh(broadcast), ["preheader"], author.user)
    assert sending.duplicate(fresh(broadcast)).accepted_warnings == {}
