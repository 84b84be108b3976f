"""Whautomate's API: the numbers are those of its contract's acceptance checks."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from broadcasts import sending
from broadcasts.models import Activity, Attendance, Broadcast, Contact, Delivery, Inbound, Message
from tests.make import make_contact, make_token

from .conftest import InDialect, finish

URL = "/v1/broadcasts"
KEYS = {
    *("id", "name", "type", "status", "segments", "targetClass", "targetClassStatus", "retargetBroadcast"),
    *("retargetEngagementType", "scheduleDateTime", "startedAt", "completedAt", "template", "headerMediaUrl"),
    *("headerTextParameters", "bodyTextParameters", "buttonUrlParameters", "locationParameters", "flowParameters"),
    *("location", "processedStats", "deliveryStats"),
}
TEMPLATE = {"name": "offer", "language": "en_US"}
FILLED = {
    "template": TEMPLATE,
    "headerMediaUrl": "https://x.example/pool.png",
    "bodyTextParameters": ["{{ contact.name }}", "Monday"],
    "buttonUrlParameters": ["pool"],
}


def soon(**delta):
    return (timezone.now() + timedelta(**(delta or {"hours": 1}))).isoformat()


@pytest.fixture
def v1(admin) -> InDialect:
    return InDialect("whautomate", make_token(admin))


@pytest.fixture
def segment(make_segment, club):
    made = make_segment("Members", kind="static")
    people = [
        make_contact(club, "", full_name=name, whatsapp_id=f"25078812312{n}") for n, name in enumerate(("Ada", "Bo"))
    ]
    made.members.create(contact=people[0])
    made.members.create(contact=people[1])
    return {"id": str(made.uuid)}


def body(**fields):
    return {"name": "A", "type": "client", **fields}


def error(response):
    return response.status_code, sorted(response.json().get("fields", {}))


def test_01_a_new_broadcast_is_a_draft_with_all_its_keys(v1):
    response = v1.post(URL, body())
    told = response.json()
    assert (response.status_code, told["status"], set(told)) == (200, "draft", KEYS)
    assert {*told["processedStats"].values(), *told["deliveryStats"].values()} == {0}


def test_02_the_whole_sample_reads_back_as_it_was_written(v1, channel, segment, club):
    activity = Activity.objects.create(organization=club, name="Yoga")
    parent = Broadcast.objects.create(organization=club, name="Earlier", status="SENT", started_at=timezone.now())
    given = {
        **body(segments=[segment], scheduleDateTime="2030-01-01T10:00:00.000Z", **FILLED),
        "targetClass": {"id": str(activity.uuid)},
        "targetClassStatus": "ALL",
        "retargetBroadcast": {"id": str(parent.uuid)},
        "retargetEngagementType": "sent",
        "location": {"id": str(club.uuid)},
        "processedStats": {"totalCount": 7, "successCount": 7, "failureCount": 7},
    }
    told = v1.post(URL, given).json()
    assert told["status"] == "scheduled"
    for name in given.keys() - {"processedStats", "segments", "targetClass", "retargetBroadcast", "location"}:
        assert told[name] == given[name], name
    for name in ("targetClass", "retargetBroadcast", "location"):
        assert told[name]["id"] == given[name]["id"]
    assert told["processedStats"]["totalCount"] == 0


def test_03_a_key_in_any_of_three_headers(v1, admin):
    key = make_token(admin)
    for headers in ({"x-api-key": key}, {"Authorization": f"Bearer {key}"}, {"APPOINTO-TOKEN": key}):
        assert InDialect("whautomate", "").get(URL, headers=headers).status_code == 200
    for wrong in ("", "x"):
        response = InDialect("whautomate", wrong).get(URL)
        assert (response.status_code, bool(response.json()["error"])) == (401, True)


@pytest.mark.parametrize("fields", [{"name": None}, {"name": " "}, {"name": "x" * 256}, {"name": 5}])
def test_04_a_name_is_needed(v1, fields):
    assert error(v1.post(URL, body(**fields))) == (400, ["name"])


@pytest.mark.parametrize("kind", [None, "CLIENTS", []])
def test_04_a_type_is_needed(v1, kind):
    assert error(v1.post(URL, body(type=kind))) == (400, ["type"])


def test_05_segments_are_objects_with_ids_of_the_own_organization(v1, make_segment, elsewhere):
    foreign = {"id": str(make_segment("Theirs", elsewhere).uuid)}
    for wrong in (["x"], {}, [{"id": "nope"}], [foreign]):
        assert error(v1.post(URL, body(segments=wrong))) == (400, ["segments"])
    assert Broadcast.objects.count() == 0


@pytest.mark.parametrize(
    ("given", "shown"),
    [("2030-01-01T10:00:00", "2030-01-01T10:00:00.000Z"), ("2030-01-01T10:00:00+05:30", "2030-01-01T04:30:00.000Z")],
)
def test_06_times_are_utc_unless_they_say_otherwise(v1, given, shown):
    assert v1.post(URL, body(status="draft", scheduleDateTime=given)).json()["scheduleDateTime"] == shown


def test_06_a_time_that_has_passed_is_refused_with_the_zone_it_was_read_in(v1):
    response = v1.post(URL, body(status="draft", scheduleDateTime=soon(hours=-1)))
    assert error(response) == (400, ["scheduleDateTime"])
    assert "UTC" in response.json()["error"]
    assert error(v1.post(URL, body(scheduleDateTime="soon"))) == (400, ["scheduleDateTime"])


def test_07_a_broadcast_that_is_due_is_sent_once_to_each(v1, channel, segment, cloud):
    told = v1.post(URL, body(segments=[segment], scheduleDateTime=soon(seconds=-1), **FILLED)).json()
    assert told["status"] == "scheduled"
    finish()
    told = v1.get(f"{URL}/{told['id']}").json()
    assert told["status"] == "sent", Broadcast.objects.get().error_message
    assert told["processedStats"] == {"totalCount": 2, "successCount": 2, "failureCount": 0}
    rows = v1.get(f"{URL}/{told['id']}/logs").json()
    assert {(row["recepientName"], row["status"]) for row in rows} == {("Ada", "sent"), ("Bo", "sent")}
    assert sorted(one["to"] for one in cloud.bodies) == ["250788123120", "250788123121"]


def test_08_what_is_due_needs_a_template_and_a_target(v1, channel, segment):
    assert error(v1.post(URL, body(segments=[segment], scheduleDateTime=soon()))) == (400, ["template"])
    assert error(v1.post(URL, body(scheduleDateTime=soon(), **FILLED))) == (400, ["segments"])
    assert Broadcast.objects.count() == 0
    assert v1.post(URL, body(scheduleDateTime=soon(), status="draft", **FILLED)).json()["status"] == "draft"
    assert error(v1.post(URL, body(status="scheduled"))) == (400, ["scheduleDateTime"])


def test_09_a_template_is_found_by_name_and_language(v1, channel):
    for wrong in ({"name": "nope", "language": "en_US"}, {"name": "offer", "language": "fr"}):
        assert error(v1.post(URL, body(template=wrong))) == (400, ["template"])
    for language in ("en_US", "en-US"):
        told = v1.post(URL, body(template={"name": "offer", "language": language})).json()
        assert told["template"]["language"] == language


WORDS = [("NO_SHOW", {"Bo"}), ("no-show", {"Bo"}), ("ALL", {"Ada", "Bo"}), ("Waitlisted", {"Ada"})]


@pytest.mark.parametrize(("word", "names"), WORDS)
def test_10_a_class_reaches_those_with_a_status(v1, channel, segment, club, word, names):
    activity = Activity.objects.create(organization=club, name="Yoga")
    for contact, status in zip(club.contacts.order_by("full_name"), ("waitlisted", "no_show"), strict=True):
        Attendance.objects.create(activity=activity, contact=contact, status=status)
    given = body(type="class", targetClass={"id": str(activity.uuid)}, targetClassStatus=word, **FILLED)
    told = v1.post(URL, given | {"scheduleDateTime": soon(seconds=-1)}).json()
    finish()
    assert {row["recepientName"] for row in v1.get(f"{URL}/{told['id']}/logs").json()} == names


def test_10_words_that_are_no_status_are_refused(v1, club):
    activity = {"id": str(Activity.objects.create(organization=club, name="Yoga").uuid)}
    assert error(v1.post(URL, body(targetClass=activity, targetClassStatus="FOO"))) == (400, ["targetClassStatus"])
    assert error(v1.post(URL, body(targetClassStatus="BOOKED"))) == (400, ["targetClassStatus"])
    assert error(v1.post(URL, body(type="class"))) == (400, ["targetClass"])


def test_11_a_retarget_needs_one_that_was_sent(v1, club):
    draft = {"id": str(Broadcast.objects.create(organization=club, name="Draft").uuid)}
    assert error(v1.post(URL, body(retargetBroadcast=draft))) == (400, ["retargetBroadcast"])
    wrong = body(retargetBroadcast=draft, retargetEngagementType="clicked")
    assert error(v1.post(URL, wrong)) == (400, ["retargetEngagementType"])


def test_11_a_retarget_reaches_exactly_those_who_read_it(v1, channel, segment):
    told = v1.post(URL, body(segments=[segment], scheduleDateTime=soon(seconds=-1), **FILLED)).json()
    finish()
    Delivery.objects.filter(contact__full_name="Ada").update(delivered_at=timezone.now(), opened_at=timezone.now())
    given = body(name="Again", retargetBroadcast={"id": told["id"]}, retargetEngagementType="read", **FILLED)
    again = v1.post(URL, given | {"scheduleDateTime": soon(seconds=-1)}).json()
    finish()
    assert [row["recepientName"] for row in v1.get(f"{URL}/{again['id']}/logs").json()] == ["Ada"]


def test_12_the_list_is_a_bare_array_newest_first(v1):
    for name in ("First", "Second", "Ä"):
        v1.post(URL, body(name=name))
    assert [one["name"] for one in v1.get(URL).json()] == ["Ä", "Second", "First"]
    assert [one["name"] for one in v1.get(f"{URL}?limit=1&page=2").json()] == ["Second"]
    assert v1.get(f"{URL}?page=999").json() == []
    assert len(v1.get(f"{URL}?limit=500").json()) == 3
    assert [one["name"] for one in v1.get(f"{URL}?searchText=sec&status=").json()] == ["Second"]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "page=0", "status=foo", "startDate=soon"])
def test_12_parameters_that_cannot_be_read_are_refused(v1, query):
    assert error(v1.get(f"{URL}?{query}")) == (400, [query.partition("=")[0]])


def test_13_the_list_is_cut_by_days_and_by_location(v1, club):
    for day in ("2030-01-01T00:00:00Z", "2030-01-31T23:59:59Z", "2030-02-01T00:00:00Z"):
        v1.post(URL, body(name=day, status="draft", scheduleDateTime=day))
    assert len(v1.get(f"{URL}?startDate=2030-01-01&endDate=2030-01-31").json()) == 2
    assert error(v1.get(f"{URL}?startDate=2030-01-31&endDate=2030-01-01")) == (400, ["endDate"])
    assert len(v1.get(f"{URL}?locationId={club.uuid}").json()) == 3
    assert v1.get(f"{URL}?locationId=another").json() == []


def test_14_put_replaces_the_whole(v1, channel):
    one = f"{URL}/{v1.post(URL, body(**FILLED)).json()['id']}"
    kept = {name: value for name, value in FILLED.items() if name != "bodyTextParameters"}
    assert v1.put(one, body(**kept)).json()["bodyTextParameters"] == []
    assert error(v1.put(one, {"name": "A"})) == (400, ["type"])


def test_14_what_was_sent_stays(v1, channel, segment):
    told = v1.post(URL, body(segments=[segment], scheduleDateTime=soon(seconds=-1), **FILLED)).json()
    finish()
    response = v1.put(f"{URL}/{told['id']}", body(name="Other"))
    assert response.status_code == 409
    assert v1.get(f"{URL}/{told['id']}").json()["name"] == "A"


def test_15_what_get_answered_may_be_put_back(v1, channel, segment):
    told = v1.post(URL, body(segments=[segment], scheduleDateTime=soon(), **FILLED)).json()
    response = v1.put(f"{URL}/{told['id']}", told)
    assert (response.status_code, response.json()) == (200, told)


def test_an_amount_that_another_api_wrote_is_shown_as_it_is_read(v1, channel, club):
    told = v1.post(URL, body(**FILLED)).json()
    amount = {"currency": {"fallback_value": "€ 20", "code": "EUR", "amount_1000": 20_000}}
    Message.objects.update(parameters={"body": ["Ada", amount]})
    assert v1.get(f"{URL}/{told['id']}").json()["bodyTextParameters"] == ["Ada", "€ 20"]


def test_16_a_draft_can_be_deleted_and_what_was_sent_cannot(v1, channel, segment):
    draft = f"{URL}/{v1.post(URL, body()).json()['id']}"
    sent = f"{URL}/{v1.post(URL, body(segments=[segment], scheduleDateTime=soon(seconds=-1), **FILLED)).json()['id']}"
    finish()
    assert v1.delete(draft).json() == {"success": True}
    assert [v1.get(draft).status_code, v1.delete(draft).status_code, v1.delete(sent).status_code] == [404, 404, 409]


def test_17_a_log_has_nine_keys(v1, channel, segment):
    draft = v1.post(URL, body()).json()
    assert v1.get(f"{URL}/{draft['id']}/logs").json() == []
    told = v1.post(URL, body(segments=[segment], scheduleDateTime=soon(seconds=-1), **FILLED)).json()
    finish()
    pages = [v1.get(f"{URL}/{told['id']}/logs?limit=1&page={page}").json() for page in (1, 2)]
    rows = [row for page in pages for row in page]
    assert {(row["countryCode"], row["phone"]) for row in rows} == {("250", "788123120"), ("250", "788123121")}
    assert len(rows[0]) == 9
    assert v1.get(f"{URL}/{uuid4()}/logs").status_code == 404


def test_18_a_copy_that_was_read_and_answered(v1, channel, segment, club):
    told = v1.post(URL, body(segments=[segment], scheduleDateTime=soon(seconds=-1), **FILLED)).json()
    finish()
    delivery = Delivery.objects.get(contact__full_name="Ada")
    Delivery.objects.filter(pk=delivery.pk).update(delivered_at=timezone.now(), opened_at=timezone.now())
    Inbound.objects.create(organization=club, contact=delivery.contact, delivery=delivery, text="I come")
    row = next(one for one in v1.get(f"{URL}/{told['id']}/logs").json() if one["recepientName"] == "Ada")
    assert (row["status"], row["reply"]) == ("read", "I come")


def test_19_no_redirect_and_no_other_method_or_body(v1):
    assert v1.post(f"{URL}/", body()).status_code == 200
    assert v1.patch(f"{URL}/x", body()).status_code == 405
    assert v1.raw(URL, "<a/>", "application/xml").status_code == 415
    assert v1.raw(URL, "{", "application/json").status_code == 400


def test_20_failures_have_a_text_and_successes_none(v1):
    assert "error" not in v1.post(URL, body()).json()
    for response in (v1.get(f"{URL}/x"), v1.post(URL, {}), v1.post(URL, []), v1.patch(URL, {})):
        assert isinstance(response.json()["error"], str)
        assert response.json()["error"]


def test_21_somebody_without_a_phone_is_skipped(v1, channel, segment, club):
    make_contact(club, "")
    activity = Activity.objects.create(organization=club, name="Yoga")
    Attendance.objects.create(activity=activity, contact=club.contacts.get(whatsapp_id=""))
    given = body(type="class", segments=[segment], targetClass={"id": str(activity.uuid)}, **FILLED)
    told = v1.post(URL, given | {"scheduleDateTime": soon(seconds=-1)}).json()
    finish()
    [row] = [one for one in v1.get(f"{URL}/{told['id']}/logs").json() if one["status"] == "skipped"]
    assert (row["countryCode"], row["phone"], row["error"]) == ("", "", "No address for this channel")


def test_scheduling_needs_the_right_to_send(v1, admin, channel, segment):
    writer = InDialect("whautomate", make_token(admin, ["read", "write"]))
    assert writer.post(URL, body(segments=[segment], scheduleDateTime=soon(), **FILLED)).status_code == 403
    assert writer.post(URL, body(segments=[segment], status="draft", scheduleDateTime=soon())).status_code == 200


def test_the_things_that_bodies_name_are_listed(v1, channel, segment, club):
    Activity.objects.create(organization=club, name="Yoga", starts_at=timezone.now())
    assert [one["title"] for one in v1.get("/v1/locations").json()] == ["Swimming Club"]
    assert [one["name"] for one in v1.get("/v1/segments").json()] == ["Members"]
    assert [one["name"] for one in v1.get("/v1/classes").json()] == ["Yoga"]
    assert [(one["name"], one["language"]) for one in v1.get("/v1/whatsapp-templates").json()] == [("offer", "en_US")]
    assert {one["name"] for one in v1.get("/v1/contacts?searchText=Ada").json()} == {"Ada"}


def test_a_contact_is_added_with_its_fields(v1):
    given = {"name": "Cy", "phoneNumber": "+250788123129", "tags": ["new"], "customFields": {"plan": "pro"}}
    told = v1.post("/v1/contacts", given).json()
    assert (told["name"], told["phoneNumber"], told["tags"], told["customFields"]) == (
        *("Cy", "+250788123129", ["new"]),
        {"plan": "pro"},
    )
    assert Contact.objects.get().whatsapp_id == "250788123129"
    assert v1.post("/v1/contacts", given).status_code == 400


def test_nothing_of_another_organization_is_seen(v1, elsewhere, make_segment):
    make_segment("Theirs", elsewhere)
    Activity.objects.create(organization=elsewhere, name="Theirs")
    make_contact(elsewhere)
    theirs = Broadcast.objects.create(organization=elsewhere, name="Theirs")
    for path in ("broadcasts", "segments", "classes", "contacts", "whatsapp-templates"):
        assert v1.get(f"/v1/{path}").json() == []
    one = f"{URL}/{theirs.uuid}"
    found = [v1.get(one), v1.put(one, body()), v1.delete(one), v1.get(f"{one}/logs")]
    assert [response.status_code for response in found] == [404] * 4


def test_a_list_costs_the_same_queries_at_any_length(v1, channel, django_assert_num_queries):
    v1.post(URL, body(**FILLED))
    v1.get(URL)
    with django_assert_num_queries(7):
        v1.get(URL)
    for _ in range(3):
        v1.post(URL, body(**FILLED))
    with django_assert_num_queries(7):
        assert len(v1.get(URL).json()) == 4


def test_what_a_client_does_not_see_widens_no_audience(v1, channel, segment, club):
    make_contact(club, "")
    wide = Broadcast.objects.create(organization=club, name="Wide", send_to_all=True, query={"all_users": True})
    v1.put(f"{URL}/{wide.uuid}", body(segments=[segment], scheduleDateTime=soon(seconds=-1), **FILLED))
    finish()
    assert {row["recepientName"] for row in v1.get(f"{URL}/{wide.uuid}/logs").json()} == {"Ada", "Bo"}


@pytest.fixture
def scheduled(v1, channel, segment):
    return f"{URL}/{v1.post(URL, body(segments=[segment], scheduleDateTime=soon(), **FILLED)).json()['id']}"


def test_cancelled_ends_a_scheduled_one_which_reaches_nobody(v1, scheduled):
    told = v1.get(scheduled).json()
    cancelled = v1.put(scheduled, told | {"status": "cancelled"}).json()
    assert (cancelled["status"], cancelled["startedAt"], bool(cancelled["completedAt"])) == ("cancelled", None, True)
    Broadcast.objects.update(due_from=timezone.now() - timedelta(seconds=1))
    finish()
    assert v1.get(f"{scheduled}/logs").json() == []
    assert set(v1.get(scheduled).json()["processedStats"].values()) == {0}


def test_cancelled_stops_one_that_is_sent_and_refuses_the_rest(v1, scheduled, segment):
    sending.send(Broadcast.objects.get())
    assert v1.put(scheduled, body(status="cancelled")).json()["status"] == "cancelled"
    assert v1.put(scheduled, body(status="cancelled")).status_code == 409
    assert v1.put(scheduled, body(status="draft", segments=[segment])).status_code == 409


def test_a_scheduled_one_without_its_time_is_a_draft_again(v1, scheduled):
    told = v1.put(scheduled, body(name="B")).json()
    assert (told["status"], told["scheduleDateTime"], told["name"]) == ("draft", None, "B")


def test_draft_reopens_one_that_was_cancelled_before_its_time(v1, scheduled):
    told = v1.put(scheduled, body(status="cancelled")).json()
    assert v1.put(scheduled, body(name="B")).status_code == 409
    drafted = v1.put(scheduled, told | {"status": "draft"}).json()
    assert (drafted["status"], drafted["scheduleDateTime"]) == ("draft", told["scheduleDateTime"])
    assert v1.put(scheduled, drafted | {"status": "scheduled"}).json()["status"] == "scheduled"


def test_the_data_of_a_flow_may_be_null_as_its_document_says(v1):
    assert v1.post(URL, body(flowParameters={"flowToken": "", "flowData": None})).status_code == 200
