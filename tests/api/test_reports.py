"""`stats/`, `links/`, `events/` and a period, as JSON and as CSV."""

import csv
import io
from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from broadcasts import tallying, tracking
from broadcasts.links import delivery_token
from broadcasts.models import Link
from tests.make import make_broadcast, make_contact, make_delivery

from .conftest import URL, client_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERIOD = "/api/stats/"


@pytest.fixture
def sent(mail, tracked):
    """Sent to two; one opened it on a phone and clicked a link, which a machine did too."""
    broadcast = make_broadcast(mail, status="SENT", started_at=NOON)
    joe = make_delivery(broadcast, make_contact(mail.organization, "joe@example.com"))
    make_delivery(broadcast, make_contact(mail.organization, "ann@example.org"), status="failed", error="No such user.")
    link = Link.objects.create(message=broadcast.messages.get(), url="https://club.example/", digest="a")
    tracking.record(joe, "delivered", NOON)
    tracking.record(joe, "clicked", NOON, detail={"device": "phone"}, link=link)
    tracking.record(joe, "clicked", NOON, machine=True, detail={"rule": "agent"}, link=link)
    tallying.group_done()
    tallying.count_sent_of(broadcast.messages.all())
    broadcast.joe = joe
    return broadcast


def lines(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def addresses(broadcast) -> list[str]:
    own = f"{URL}{broadcast.uuid}/"
    return [f"{own}stats/", f"{own}links/", f"/api/deliveries/{delivery_token(broadcast.joe.pk)}/events/"]


def test_the_report_tells_numbers_with_what_they_are_a_share_of(api, sent):
    report = api.get(f"{URL}{sent.uuid}/stats/").json()
    totals = {one["name"]: one for one in report["totals"]}
    assert totals["clicked"] == {
        "name": "clicked",
        "value": 1,
        "of": "delivered",
        "of_value": 1,
        "rate": 1.0,
        "machines": 1,
    }
    assert (totals["sent"]["value"], totals["sent"]["of"], totals["sent"]["of_value"]) == (1, "recipients", 2)
    assert report["is_counting"] is False


def test_the_report_tells_groups_and_reasons(api, sent):
    report = api.get(f"{URL}{sent.uuid}/stats/").json()
    assert [one["value"] for one in report["domains"]] == ["example.com", ""]
    assert report["devices"] == [{"value": "phone", "counts": {"opened": 1, "clicked": 1}}]
    [failure] = report["failures"]
    assert (failure["outcome"], failure["words"], failure["count"]) == ("failed", "No such user.", 1)
    assert api.get(f"/api/deliveries/{failure['example']}/").json()["address"] == "ann@example.org"


def test_a_series_is_of_the_span_and_step_that_were_asked_for(api, sent):
    asked = {"per": "hour", "since": "2026-03-01T12:00:00Z", "until": "2026-03-01T13:00:00Z"}
    series = api.get(f"{URL}{sent.uuid}/stats/", asked).json()["series"]
    assert series["per"] == "hour"
    assert series["points"] == [{"at": "2026-03-01T12:00:00Z", "delivered": 1, "opened": 1, "clicked": 1}]


@pytest.mark.parametrize(
    ("asked", "field"),
    [({"per": "week"}, "per"), ({"since": "soon"}, "since"), ({"since": "2026-03-02", "until": "2026-03-01"}, "until")],
)
def test_a_bad_span_is_400_and_named(api, sent, asked, field):
    answer = api.get(f"{URL}{sent.uuid}/stats/", asked)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_a_draft_has_an_empty_report(api, mail):
    broadcast = make_broadcast(mail)
    report = api.get(f"{URL}{broadcast.uuid}/stats/").json()
    assert {one["value"] for one in report["totals"]} == {0}
    assert report["series"] == {"per": "", "points": [], "is_cut": False}
    assert api.get(f"{URL}{broadcast.uuid}/links/").json() == []


def test_links_tell_people_and_machines_apart(api, sent):
    answer = api.get(f"{URL}{sent.uuid}/links/")
    [link] = answer.json()
    assert answer["X-Result-Count"] == "1"
    told = (link["url"], link["channel"], link["people"], link["clicks"], link["machine_clicks"])
    assert told == ("https://club.example/", "Newsletter", 1, 1, 1)


def test_the_events_of_a_delivery_tell_the_rule_and_the_link(api, sent):
    found = api.get(addresses(sent)[2]).json()
    assert [(one["type"], one["machine"], one["rule"]) for one in found] == [
        ("delivered", False, ""),
        ("clicked", False, ""),
        ("clicked", True, "agent"),
    ]
    assert found[2]["link"] == "https://club.example/"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"fact": "clicked"}, ["joe@example.com"]),
        ({"domain": "example.org"}, ["ann@example.org"]),
        ({"device": "phone"}, ["joe@example.com"]),
        ({"error": "No such user."}, ["ann@example.org"]),
        ({"language": "es"}, []),
        ({"link": "0190c7a2-0000-7000-8000-000000000000"}, []),
    ],
)
def test_the_log_lists_who_stands_behind_a_number(api, sent, asked, found):
    assert [one["address"] for one in api.get(f"{URL}{sent.uuid}/logs/", asked).json()] == found


def test_the_log_lists_who_clicked_a_link_of_ones_own(api, outsider, sent):
    asked = {"link": str(Link.objects.get().uuid)}
    assert [one["address"] for one in api.get("/api/deliveries/", asked).json()] == ["joe@example.com"]
    assert outsider.get("/api/deliveries/", asked).json() == []


def test_each_comes_as_csv(api, sent):
    report, links, events = (lines(api.get(address, HTTP_ACCEPT="text/csv")) for address in addresses(sent))
    [clicked] = [line for line in report if (line["section"], line["name"]) == ("totals", "clicked")]
    assert (clicked["count"], clicked["share_of"], clicked["machines"]) == ("1", "delivered", "1")
    assert [line["people"] for line in links] == ["1"]
    assert [line["type"] for line in events] == ["delivered", "clicked", "clicked"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_reports_need_a_token_that_may_read(sent, viewer, place):
    assert APIClient().get(addresses(sent)[place]).status_code == 401
    assert client_of(viewer, scopes=["write"]).get(addresses(sent)[place]).status_code == 403
    assert client_of(viewer).get(addresses(sent)[place]).status_code == 200


@pytest.mark.parametrize("place", [0, 1, 2])
def test_reports_of_others_are_not_found(sent, outsider, place):
    assert outsider.get(addresses(sent)[place]).status_code == 404


def test_a_report_reads_as_many_queries_for_one_link_as_for_many(api, sent, django_assert_num_queries):
    message = sent.messages.get()
    Link.objects.bulk_create(Link(message=message, url=f"https://x.example/{n}", digest=str(n)) for n in range(30))
    with django_assert_num_queries(18):
        api.get(f"{URL}{sent.uuid}/stats/")
    with django_assert_num_queries(8):
        api.get(f"{URL}{sent.uuid}/links/")


def test_what_is_not_asked_for_costs_no_query(api, sent, django_assert_num_queries):
    with django_assert_num_queries(8):
        assert list(api.get(f"{URL}{sent.uuid}/stats/", {"field": "series"}).json()) == ["series"]


def test_a_period_sums_up_and_ranks_its_broadcasts(api, sent):
    asked = {"since": "2026-02-20", "until": "2026-03-02", "least": 1}
    period = api.get(PERIOD, asked).json()
    totals = {one["name"]: one["value"] for one in period["totals"]}
    assert (totals["broadcasts"], totals["sent"], totals["clicked"]) == (1, 1, 1)
    ranking = next(one for one in period["rankings"] if one["by"] == "clicked")
    assert [one["broadcast"]["name"] for one in ranking["highest"]] == ["Pool closed"]
    assert api.get(PERIOD, {**asked, "least": 2}).json()["rankings"][0]["highest"] == []


def test_a_period_tells_how_people_grew(api, sent):
    [point] = api.get(PERIOD).json()["growth"]
    assert (point["contacts"], point["granted"], point["withdrawn"]) == (2, 0, 0)


def test_a_period_comes_as_csv(api, sent):
    found = lines(api.get(PERIOD, {"since": "2026-02-20", "until": "2026-03-02"}, HTTP_ACCEPT="text/csv"))
    assert {line["section"] for line in found} == {"totals", "broadcast"}


@pytest.mark.parametrize(
    ("asked", "field"), [({"least": 0}, "least"), ({"since": "2027-03-02"}, "since"), ({"until": "x"}, "until")]
)
def test_a_bad_period_is_400_and_named(api, asked, field):
    answer = api.get(PERIOD, asked)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_a_period_needs_a_token_and_tells_nothing_of_others(sent, outsider, viewer):
    assert APIClient().get(PERIOD).status_code == 401
    assert client_of(viewer, scopes=["write"]).get(PERIOD).status_code == 403
    told = outsider.get(PERIOD, {"since": "2026-02-20", "until": "2026-03-02"}).json()
    assert {one["value"] for one in told["totals"]} == {0} and told["growth"] == []
