"""Who decides whether opens and clicks are measured: channels, broadcasts, organizations and contacts."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from broadcasts.models import Broadcast, Organization
from tests.make import make_broadcast, make_contact

from .conftest import URL

CHANNELS, CONTACTS, ORGANIZATION = "/api/channels/", "/api/contacts/", "/api/organization/"


def test_a_channel_measures_unless_it_is_told_not_to(api, mail):
    path = f"{CHANNELS}{mail.uuid}/"
    changed = api.patch(path, {"track_opens": True}).json()
    assert (changed["track_opens"], changed["track_clicks"]) == (True, False)
    assert api.patch(path, {"track_opens": None}).status_code == 400


@pytest.mark.parametrize(("chosen", "measured"), [(None, False), (True, True), (False, False)])
def test_a_broadcast_chooses_for_itself(api, mail, chosen, measured):
    path = f"{URL}{make_broadcast(mail).uuid}/"
    changed = api.patch(path, {"track_clicks": chosen}).json()
    assert changed["track_clicks"] is chosen
    assert ("clicked" in changed["measured"]) is measured


def test_a_list_tells_what_is_measured_without_a_query_for_each(api, mail, django_assert_num_queries):
    mail.track_clicks = True
    mail.save()
    make_broadcast(mail)
    with CaptureQueriesContext(connection) as of_one:
        assert "clicked" in api.get(URL).json()[0]["measured"]
    for _ in range(3):
        make_broadcast(mail)
    with django_assert_num_queries(len(of_one)):
        assert all("clicked" in row["measured"] for row in api.get(URL).json())


def test_a_switch_is_fixed_once_the_broadcast_started(api, mail):
    broadcast = make_broadcast(mail)
    Broadcast.objects.update(status="sent")
    assert api.patch(f"{URL}{broadcast.uuid}/", {"track_clicks": True}).status_code == 409
    broadcast.refresh_from_db()
    assert broadcast.track_clicks is None


def test_a_switch_is_yes_no_or_nothing(api, mail):
    answer = api.patch(f"{URL}{make_broadcast(mail).uuid}/", {"track_opens": "maybe"})
    assert (answer.status_code, list(answer.json())) == (400, ["track_opens"])


def test_a_tracking_domain_is_kept_as_browsers_ask_for_it(api):
    assert api.patch(ORGANIZATION, {"tracking_domain": "Links.Bücher.example"}).json()["tracking_domain"] == (
        "links.xn--bcher-kva.example"
    )
    assert api.patch(ORGANIZATION, {"tracking_domain": "", "track_general": False}).json()["track_general"] is False


@pytest.mark.parametrize(
    "domain",
    [
        *("https://links.club.example", "links.club.example:8443", "links.club.example/t", "links", "a b.example"),
        *("192.0.2.1", "[2001:db8::1]", "-x.example", "localhost"),
    ],
)
def test_a_tracking_domain_is_a_host_s_name(api, domain):
    answer = api.patch(ORGANIZATION, {"tracking_domain": domain})
    assert (answer.status_code, list(answer.json())) == (400, ["tracking_domain"])


def test_a_tracking_domain_belongs_to_one_organization(api, db):
    Organization.objects.create(name="Other", slug="other", tracking_domain="go.club.example")
    answer = api.patch(ORGANIZATION, {"tracking_domain": "GO.club.example"})
    assert answer.status_code == 400
    assert "Another organization" in answer.json()["tracking_domain"][0]


def test_contacts_who_asked_not_to_be_measured_can_be_found(api, club):
    asked = make_contact(club, "asked@example.com")
    other = make_contact(club, "other@example.com")
    assert api.patch(f"{CONTACTS}{asked.uuid}/", {"no_tracking": True}).json()["no_tracking"] is True
    for given, found in (("true", asked), ("false", other)):
        assert [row["uuid"] for row in api.get(CONTACTS, {"no_tracking": given}).json()] == [str(found.uuid)]
    assert api.get(CONTACTS, {"no_tracking": "perhaps"}).status_code == 400


def test_an_export_names_them(api, club):
    make_contact(club, "asked@example.com", no_tracking=True)
    header, row = api.get(CONTACTS, HTTP_ACCEPT="text/csv").getvalue().decode().splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["no_tracking"] == "true"
