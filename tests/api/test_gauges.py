"""Gauges, what lifts them, and warm-ups, through the API."""

import pytest
from django.utils import timezone

from broadcasts.models import AuditEntry, Channel
from tests.gauging import made

from .conftest import client_of

THRESHOLDS = {"complaints_slow": 0.1, "complaints_pause": 0.3, "bounces_slow": 5, "bounces_pause": 10}


@pytest.fixture
def path(mail):
    return f"/api/channels/{mail.uuid}/"


@pytest.fixture
def slowed(mail):
    made.tell(made.copies(made.at_work(mail, sent=1000))[:5])
    made.act()


def test_the_gauges_tell_each_share_with_its_thresholds(api, mail, path):
    made.tell(made.copies(made.at_work(mail, sent=2000))[:5])
    answer = api.get(f"{path}gauges/")
    assert answer.status_code == 200, answer.json()
    whole, domain = answer.json()["gauges"]
    assert (answer.json()["days"], whole["domain"], domain["domain"]) == (7, "", "example.com")
    assert (whole["sent"], whole["complained"], whole["bounced"], whole["refused"]) == (2000, 5, 0, 0)
    assert whole["complaints"] == {
        "percent": 0.25,
        "slow": 0.1,
        "pause": 0.3,
        "is_judged": True,
        "level": "slow",
        "words": "Too high: above 0.1%, which slows (above 0.3% pauses)",
    }
    assert whole["undelivered"]["level"] == "good"


def test_a_channel_without_mail_is_not_judged(api, path):
    [whole] = api.get(f"{path}gauges/").json()["gauges"]
    words = "Not judged yet: 1,000 sent are needed (above 0.1% slows, above 0.3% pauses)"
    assert (whole["complaints"]["is_judged"], whole["complaints"]["words"]) == (False, words)


def test_reading_gauges_takes_few_queries_whatever_was_sent(api, mail, path, django_assert_max_num_queries):
    for _ in range(5):
        made.tell(made.copies(made.at_work(mail, sent=20))[:3])
    with django_assert_max_num_queries(9):
        api.get(f"{path}gauges/")


def test_what_is_slowed_is_told_and_lifted(api, path, slowed):
    told = api.get(f"{path}gauges/").json()
    assert told["slowed_to"] == api.get(path).json()["slowed_to"] == 8
    assert told["slowed_until"] and told["slowed_why"].startswith("It sends 8 a second, half as fast: 5 of the 1,000")
    lifted = api.post(f"{path}lift/")
    assert (lifted.status_code, lifted.json()["slowed_to"]) == (200, None)
    assert api.get(f"{path}gauges/").json()["slowed_to"] is None
    assert AuditEntry.objects.filter(act="lift slowness", user__isnull=False).count() == 1


def test_what_is_not_slowed_cannot_be_lifted(api, path):
    answer = api.post(f"{path}lift/")
    assert (answer.status_code, answer.json()["detail"]) == (409, "Nothing of this channel is slowed.")


@pytest.mark.parametrize("name", ["gauges/", "warm-up/?audience=5000"])
def test_they_need_a_token_and_hide_channels_of_others(client, outsider, path, name):
    assert client.get(path + name).status_code == 401
    assert outsider.get(path + name).status_code == 404


def test_who_may_not_manage_channels_reads_gauges_and_lifts_nothing(sender, outsider, path, slowed):
    reader = client_of(sender)
    assert reader.get(f"{path}gauges/").status_code == 200
    assert reader.post(f"{path}lift/").status_code == 403
    assert outsider.post(f"{path}lift/").status_code == 404
    assert Channel.objects.get().slowed_to == 8


def test_a_warm_up_is_proposed_and_written(api, path):
    told = api.get(f"{path}warm-up/?audience=5000").json()
    today = timezone.now().date().isoformat()
    assert told["ramp"] == {"start": 50, "growth": 1.5, "since": today}
    assert (told["is_needed"], told["sent_lately"], told["days"][0]) == (
        *(True, 0),
        {"day": today, "messages": 50, "total": 50},
    )
    assert told["days"][-1]["messages"] == 5000
    assert api.patch(path, {"ramp": told["ramp"]}).json()["ramp"] == told["ramp"]


@pytest.mark.parametrize("query", ["", "?audience=0", "?audience=many", "?people=5"])
def test_a_warm_up_for_no_number_of_people_is_refused(api, path, query):
    answer = api.get(f"{path}warm-up/{query}")
    assert answer.status_code == 400
    assert set(answer.json()) <= {"audience", "people"}


def test_days_held_are_written_and_kept(api, path):
    ramp = {"start": 50, "growth": 2, "since": "2026-11-01", "held": 2, "held_on": "2026-11-09"}
    assert api.patch(path, {"ramp": ramp}).json()["ramp"] == ramp
    changed = api.patch(path, {"ramp": {"start": 60, "growth": 2}}).json()["ramp"]
    assert changed == {**ramp, "start": 60}
    anew = {"start": 50, "growth": 2, "since": "2026-12-01"}
    assert api.patch(path, {"ramp": anew}).json()["ramp"] == anew


def test_thresholds_are_settings_of_the_organization(api):
    told = api.get("/api/organization/").json()
    assert {name: told[name] for name in THRESHOLDS} == THRESHOLDS
    assert api.patch("/api/organization/", {"complaints_slow": 0.05}).json()["complaints_slow"] == 0.05


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"complaints_slow": 0.3}, "complaints_slow"),
        ({"complaints_pause": 0.05}, "complaints_slow"),
        ({"bounces_slow": 50}, "bounces_slow"),
        ({"bounces_pause": 101}, "bounces_pause"),
        ({"bounces_slow": 0}, "bounces_slow"),
        ({"complaints_pause": None}, "complaints_pause"),
    ],
)
def test_thresholds_out_of_bounds_are_refused(api, body, field):
    answer = api.patch("/api/organization/", body)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
