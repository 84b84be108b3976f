"""The public archive: which broadcasts are in it, and whether the organization has one."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts import links
from broadcasts.models import Broadcast, Organization
from tests.make import make_broadcast

from .conftest import URL, client_of

ORGANIZATION = "/api/organization/"


@pytest.fixture
def public(mail):
    Organization.objects.update(has_archive=True)
    return mail


def make_sent(channel, **fields):
    return make_broadcast(channel, status="SENT", started_at=timezone.now(), **fields)


def test_a_draft_is_marked_for_the_archive(api, public):
    path = f"{URL}{make_broadcast(public).uuid}/"
    assert api.get(path).json()["in_archive"] is False
    changed = api.patch(path, {"in_archive": True}).json()
    assert (changed["in_archive"], changed["archive_url"]) == (True, None)
    assert api.patch(path, {"in_archive": "maybe"}).json().keys() == {"in_archive"}


def test_what_was_sent_is_put_in_and_taken_out(api, public):
    broadcast = make_sent(public)
    path = f"{URL}{broadcast.uuid}/"
    assert api.patch(path, {"in_archive": True}).status_code == 409
    shown = api.post(f"{path}archive/", {"in_archive": True}).json()
    assert (shown["in_archive"], shown["archive_url"]) == (True, links.archived_url("club", broadcast.uuid))
    shown = api.post(f"{path}archive/", {"in_archive": False}).json()
    assert (shown["in_archive"], shown["archive_url"]) == (False, None)
    assert set(api.post(f"{path}archive/", {}).json()) == {"in_archive"}


def test_a_draft_and_an_organization_without_an_archive_are_refused(api, mail):
    assert api.post(f"{URL}{make_sent(mail).uuid}/archive/", {"in_archive": True}).status_code == 400
    Organization.objects.update(has_archive=True)
    assert api.post(f"{URL}{make_broadcast(mail).uuid}/archive/", {"in_archive": True}).status_code == 409


def test_it_takes_somebody_who_may_send_and_a_broadcast_of_their_own(api, public, author, outsider):
    path = f"{URL}{make_sent(public).uuid}/archive/"
    assert client_of(author).post(path, {"in_archive": True}).status_code == 403
    assert outsider.post(path, {"in_archive": True}).status_code == 404
    assert not Broadcast.objects.get().in_archive


def test_a_list_tells_the_addresses_without_a_query_for_each(api, public, django_assert_num_queries):
    make_sent(public, in_archive=True)
    with CaptureQueriesContext(connection) as of_one:
        assert api.get(URL).json()[0]["archive_url"]
    for _ in range(3):
        make_sent(public, in_archive=True)
    with django_assert_num_queries(len(of_one)):
        assert all(row["archive_url"] for row in api.get(URL).json())


def test_an_organization_has_an_archive_and_seconds_to_undo(api, club):
    shown = api.get(ORGANIZATION).json()
    assert (shown["has_archive"], shown["archive_url"], shown["undo_seconds"]) == (False, None, 60)
    shown = api.patch(ORGANIZATION, {"has_archive": True, "undo_seconds": 0}).json()
    assert (shown["archive_url"], shown["undo_seconds"]) == (links.archive_url("club"), 0)


@pytest.mark.parametrize(("field", "value"), [("undo_seconds", 3601), ("undo_seconds", -1), ("has_archive", None)])
def test_wrong_settings_are_refused(api, field, value):
    answer = api.patch(ORGANIZATION, {field: value})
    assert (answer.status_code, list(answer.json())) == (400, [field])
