import csv
from io import StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts.links import delivery_token
from broadcasts.models import Delivery, DeliveryAttempt, Inbound
from tests.make import make_broadcast, make_contact

from .conftest import URL, client_of


@pytest.fixture
def log(mail):
    """A sent broadcast with one delivery sent and replied to, and one skipped."""
    broadcast = make_broadcast(mail, status="SENT")
    message = broadcast.messages.get()
    ann = make_contact(mail.organization, full_name="Ann", phone="+34600000001")
    bob = make_contact(mail.organization, full_name="=Bob()", email="")
    now = timezone.now()
    sent = Delivery.objects.create(
        message=message, contact=ann, address="34600000001", status="sent", sent_at=now, replied_at=now
    )
    Inbound.objects.create(organization=mail.organization, delivery=sent, contact=ann, text="Thanks")
    Delivery.objects.create(message=message, contact=bob, status="skipped", reason="no_address")
    return broadcast


def test_the_log_shows_every_recipient(api, log):
    answer = api.get(f"{URL}{log.uuid}/logs/")
    assert answer["X-Result-Count"] == "2"
    ann, bob = answer.json()
    assert (ann["name"], ann["channel"], ann["country_code"], ann["status"]) == ("Ann", "Newsletter", "34", "sent")
    assert ann["reply"] == "Thanks"
    assert ann["sent_at"].endswith("Z")
    assert (bob["status"], bob["reason"], bob["address"], bob["sent_at"]) == ("skipped", "no_address", "", None)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"status": "sent"}, ["Ann"]),
        ({"status": ["sent", "skipped"]}, ["Ann", "=Bob()"]),
        ({"reason": "no_address"}, ["=Bob()"]),
        ({"sent_after": "2020-01-01T00:00:00Z"}, ["Ann"]),
        ({"sent_before": "2020-01-01T00:00:00Z"}, []),
        ({"channel": "0190c7a2-0000-7000-8000-000000000000"}, []),
    ],
)
def test_the_log_is_filtered(api, log, asked, names):
    assert [row["name"] for row in api.get(f"{URL}{log.uuid}/logs/", asked).json()] == names


def test_a_wrong_filter_of_the_log_is_400(api, log):
    assert list(api.get(f"{URL}{log.uuid}/logs/", {"status": "gone"}).json()) == ["status"]


@pytest.mark.parametrize("method", ["options", "put", "trace"])
def test_only_the_log_itself_comes_as_csv(api, log, method):
    answer = getattr(api, method)(f"{URL}{log.uuid}/logs/", HTTP_ACCEPT="text/csv")
    assert answer.status_code in (405, 406)
    assert answer["Content-Type"] == "application/json"


def test_the_log_comes_as_csv_without_formulas(api, log):
    answer = api.get(f"{URL}{log.uuid}/logs/", HTTP_ACCEPT="text/csv")
    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(StringIO(answer.getvalue().decode())))
    assert [row["name"] for row in rows] == ["Ann", "'=Bob()"]
    shown = api.get(f"{URL}{log.uuid}/logs/").json()[0]
    told = {name: "" if value is None else str(value) for name, value in shown.items()}
    assert {name: rows[0][name] for name in shown} == told


def test_the_log_of_others_is_404(outsider, log):
    assert outsider.get(f"{URL}{log.uuid}/logs/").status_code == 404
    assert outsider.get(f"{URL}{log.uuid}/logs/", HTTP_ACCEPT="text/csv").status_code == 404


def test_a_log_takes_the_same_queries_whatever_its_length(api, log, mail, django_assert_max_num_queries):
    message = log.messages.get()
    for _ in range(8):
        Delivery.objects.create(message=message, contact=make_contact(mail.organization), status="sent")
    with django_assert_max_num_queries(9):
        assert len(api.get(f"{URL}{log.uuid}/logs/").json()) == 10


def test_deliveries_are_listed_newest_first_over_all_broadcasts(api, log, outsider):
    rows = api.get("/api/deliveries/").json()
    assert [row["name"] for row in rows] == ["=Bob()", "Ann"]
    assert rows[0]["broadcast"] == {"uuid": str(log.uuid), "name": log.name}
    assert outsider.get("/api/deliveries/").json() == []


def test_a_delivery_is_read_by_its_key(api, outsider, log):
    [row] = api.get("/api/deliveries/", {"status": "sent"}).json()
    path = f"/api/deliveries/{row['key']}/"
    assert api.get(path).json() == row
    assert outsider.get(path).status_code == 404
    assert api.get("/api/deliveries/forged/").status_code == 404


def test_deliveries_are_filtered(api, log):
    contact = log.messages.get().deliveries.get(status="sent").contact
    for asked in ({"contact": contact.uuid}, {"broadcast": log.uuid, "status": "sent"}, {"address": "34600000001"}):
        assert [row["name"] for row in api.get("/api/deliveries/", asked).json()] == ["Ann"]


def test_readers_of_everything_go_on_from_a_key(api, log):
    first = api.get("/api/deliveries/", {"before": "", "page_size": 1, "field": "name"})
    assert first.json() == [{"name": "=Bob()"}]
    key = delivery_token(log.messages.get().deliveries.get(status="skipped").pk)
    assert f"before={key}" in first["Link"]
    last = api.get("/api/deliveries/", {"before": key, "page_size": 1})
    assert [row["name"] for row in last.json()] == ["Ann"]
    assert 'rel="next"' not in last["Link"]


def test_deliveries_are_not_written(api, viewer, log):
    assert api.post("/api/deliveries/", {}).status_code == 405
    assert client_of(viewer).get("/api/deliveries/").status_code == 200


def test_a_delivery_shows_each_attempt_in_its_order(api, log):
    sent = Delivery.objects.get(status="sent")
    for number, words in ((1, "450 busy"), (2, "250 queued as 4711")):
        DeliveryAttempt.objects.create(delivery=sent, number=number, words=words, is_accepted=number == 2)
    shown = api.get(f"/api/deliveries/{delivery_token(sent.pk)}/").json()["tries"]
    assert [(one["number"], one["is_accepted"], one["words"]) for one in shown] == [
        (1, False, "450 busy"),
        (2, True, "250 queued as 4711"),
    ]


def test_attempts_of_a_page_of_deliveries_take_one_query(api, log):
    def queries():
        with CaptureQueriesContext(connection) as told:
            api.get("/api/deliveries/")
        return len(told)

    few = queries()
    for row in Delivery.objects.all():
        for number in range(3):
            DeliveryAttempt.objects.create(delivery=row, number=number)
    assert queries() == few
