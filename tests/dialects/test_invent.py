"""Invent's API: the numbers are those of its contract's acceptance checks."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import drafting, tracking
from broadcasts.models import Broadcast, Delivery, Template
from tests.make import make_contact, make_contacts, make_token

from .conftest import InDialect, finish

URL = "/orgs/c/broadcasts"
COUNTS = {
    *("contacts_count", "recipients_count", "skipped_count", "sent_count", "failed_count", "delivered_count"),
    *("opened_count", "played_count", "complained_count", "unsubscribed_count", "click_count"),
}
KEYS = COUNTS | {
    *("id", "name", "status", "scheduled_at", "started_at", "completed_at", "error_message", "segments"),
    *("send_to_all", "templates", "created_at", "updated_at"),
}
CONTENT = {"config": {"subject": "May", "text": "Hello {{ contact.name }}"}}


@pytest.fixture
def invent(admin, mail) -> InDialect:
    return InDialect("invent", make_token(admin))


@pytest.fixture
def made(invent):
    """Makes a broadcast with content, to everybody."""

    def make(**fields):
        told = invent.post(URL, {"name": "May", "send_to_all": True, **fields}).json()
        assert invent.post(f"{URL}/{told['id']}/templates", CONTENT).status_code == 200
        return f"{URL}/{told['id']}"

    return make


def error(response):
    return response.status_code, response.json()["error"]["code"]


def test_01_a_new_broadcast_is_a_draft_with_all_its_keys(invent):
    response = invent.post(URL, {"name": "May"})
    told = response.json()
    assert (response.status_code, told["status"], set(told)) == (200, "DRAFT", KEYS)
    assert [told[name] for name in ("scheduled_at", "started_at", "completed_at", "error_message")] == [None] * 4
    assert {told[name] for name in COUNTS} == {0}
    assert (told["segments"], told["templates"], told["send_to_all"]) == ([], [], False)


def test_02_the_organization_may_be_named_and_no_other(invent, club, elsewhere):
    named = [club.uuid, club.slug, club.pk]
    assert [invent.post(f"/orgs/{one}/broadcasts", {"name": "May"}).status_code for one in named] == [200] * 3
    told = [invent.post(f"/orgs/{one}/broadcasts", {"name": "May"}) for one in (elsewhere.uuid, club.uuid.int)]
    assert [error(one) for one in told] == [(404, "not_found")] * 2
    assert told[0].json() == told[1].json()


def test_03_a_key_is_needed_and_must_allow_it(invent, admin):
    assert error(InDialect("invent", "").get(URL)) == (401, "unauthorized")
    assert error(InDialect("invent", "x").get(URL)) == (401, "unauthorized")
    reader = InDialect("invent", make_token(admin, ["read"]))
    assert error(reader.post(URL, {"name": "May"})) == (403, "forbidden")
    assert reader.get(URL).status_code == 200


@pytest.fixture
def default(club, mail):
    """The template that a broadcast without content uses."""
    club.default_template = Template.objects.create(organization=club, name="Newsletter")
    club.default_template.translations.create(language="en", subject="News", text="Hello {{ contact.name }}")
    club.save()
    return club.default_template


AT_ONCE = {"name": "May", "scheduled_at": None, "send_to_all": True}
IN_AN_HOUR = {**AT_ONCE, "scheduled_at": (timezone.now() + timedelta(hours=1)).isoformat()}


def test_04_without_a_default_template_creating_sends_nothing(invent, club, server):
    make_contact(club)
    assert [invent.post(URL, body).json()["status"] for body in (AT_ONCE, IN_AN_HOUR)] == ["DRAFT", "DRAFT"]
    finish()
    assert server.received == []


def test_04_with_one_a_time_of_null_is_sent_at_once(invent, club, default, server):
    make_contact(club)
    told = invent.post(URL, AT_ONCE).json()
    assert (told["status"], told["scheduled_at"], len(told["templates"])) == ("SENDING", None, 1)
    finish()
    assert [one.subject for one in server.received] == ["News"]
    assert invent.get(f"{URL}/{told['id']}").json()["status"] == "SENT"


def test_04_with_one_a_time_ahead_is_scheduled(invent, club, default):
    make_contact(club)
    told = invent.post(URL, IN_AN_HOUR).json()
    assert (told["status"], told["templates"][0]["config"]["subject"]) == ("SCHEDULED", "News")


@pytest.mark.parametrize("missing", ["scheduled_at", "send_to_all"])
def test_04_without_the_key_or_an_audience_it_stays_a_draft(invent, club, default, missing):
    make_contact(club)
    body = {name: value for name, value in AT_ONCE.items() if name != missing}
    told = invent.post(URL, body).json()
    assert (told["status"], told["templates"]) == ("DRAFT", [])


def test_04_a_draft_without_content_is_sent_with_the_default_template(invent, club, default, server):
    make_contact(club)
    one = f"{URL}/{invent.post(URL, {'name': 'May', 'send_to_all': True}).json()['id']}"
    assert invent.post(f"{one}/send").json()["status"] == "SENDING"
    finish()
    assert [one.subject for one in server.received] == ["News"]


@pytest.mark.parametrize("body", [AT_ONCE, IN_AN_HOUR])
def test_04_creating_what_is_sent_needs_the_right_to_send(admin, club, default, body):
    make_contact(club)
    writer = InDialect("invent", make_token(admin, ["read", "write"]))
    assert error(writer.post(URL, body)) == (403, "forbidden")
    assert Broadcast.objects.count() == 0
    assert writer.post(URL, {"name": "May", "send_to_all": True}).json()["status"] == "DRAFT"


def test_04_what_cannot_be_sent_is_not_made(invent, club, default):
    assert error(invent.post(URL, AT_ONCE)) == (400, "empty_audience")
    make_contact(club)
    default.translations.all().delete()
    assert error(invent.post(URL, AT_ONCE)) == (400, "no_content")
    assert Broadcast.objects.count() == 0


def test_04_a_default_template_in_another_language_is_sent_in_that(invent, club, default, server):
    make_contact(club)
    default.translations.update(language="es", subject="Noticias")
    assert invent.post(URL, AT_ONCE).json()["templates"][0]["config"]["language"] == "es"
    finish()
    assert [one.subject for one in server.received] == ["Noticias"]


@pytest.mark.parametrize("name", [None, "", " ", "x" * 256, 5])
def test_05_a_name_has_1_to_255_characters(invent, name):
    response = invent.post(URL, {} if name is None else {"name": name})
    assert error(response) == (400, "invalid_request")
    assert response.json()["error"]["fields"]["name"]


def test_05_the_longest_name_is_taken(invent):
    assert invent.post(URL, {"name": "x" * 255}).status_code == 200


def test_06_at_most_ten_segments_of_the_own_organization(invent, make_segment, elsewhere):
    ten = [str(make_segment(f"Segment {n}").uuid) for n in range(10)]
    assert len(invent.post(URL, {"name": "May", "segment_ids": ten}).json()["segments"]) == 10
    assert len(invent.post(URL, {"name": "May", "segment_ids": ten[:1] * 2}).json()["segments"]) == 1
    foreign = str(make_segment("Theirs", elsewhere).uuid)
    wrong = [[*ten, foreign], "x", [5], [foreign]]
    assert {error(invent.post(URL, {"name": "May", "segment_ids": one})) for one in wrong} == {(400, "invalid_request")}
    told = invent.post(URL, {"name": "May", "segment_ids": [ten[0], foreign]}).json()["error"]["fields"]
    assert told["segment_ids"][0].startswith("[1]")


def test_07_times_are_read_with_their_offset_and_shown_in_utc(invent):
    told = invent.post(URL, {"name": "May", "scheduled_at": "2030-01-01T10:00:00+02:00"}).json()
    assert told["scheduled_at"] == "2030-01-01T08:00:00Z"
    assert (
        invent.post(URL, {"name": "May", "scheduled_at": "2030-01-01T10:00:00"}).json()["scheduled_at"][11:13] == "10"
    )
    assert error(invent.post(URL, {"name": "May", "scheduled_at": "tomorrow"})) == (400, "invalid_request")
    assert error(invent.post(URL, {"name": "May", "scheduled_at": "2020-01-01T10:00:00Z"})) == (400, "invalid_request")


@pytest.mark.parametrize("value", ["true", 1, None])
def test_08_send_to_all_is_a_boolean(invent, value):
    assert error(invent.post(URL, {"name": "May", "send_to_all": value})) == (400, "invalid_request")


def test_09_sending_needs_content_then_an_audience(invent):
    one = f"{URL}/{invent.post(URL, {'name': 'May'}).json()['id']}"
    assert error(invent.post(f"{one}/send")) == (400, "no_content")
    invent.post(f"{one}/templates", CONTENT)
    assert error(invent.post(f"{one}/send")) == (400, "empty_audience")
    assert invent.get(one).json()["status"] == "DRAFT"


def test_10_what_is_sent_is_counted(invent, club, made, server):
    make_contact(club)
    make_contact(club, email="")
    one = made()
    told = invent.get(one).json()
    assert [told[name] for name in ("contacts_count", "recipients_count", "skipped_count")] == [2, 1, 1]
    told = invent.post(f"{one}/send").json()
    assert (told["status"], told["scheduled_at"]) == ("SENDING", None)
    assert told["started_at"]
    finish()
    told = invent.get(one).json()
    assert (told["status"], bool(told["completed_at"])) == ("SENT", True)
    assert [told[name] for name in ("contacts_count", "recipients_count", "skipped_count", "sent_count")] == [
        2,
        1,
        1,
        1,
    ]


def test_11_a_time_ahead_schedules_and_null_takes_it_back(invent, club, made):
    make_contact(club)
    one = made(scheduled_at=(timezone.now() + timedelta(hours=1)).isoformat())
    assert invent.post(f"{one}/send").json()["status"] == "SCHEDULED"
    assert error(invent.post(f"{one}/send")) == (409, "wrong_status")
    told = invent.patch(one, {"scheduled_at": None}).json()
    assert (told["status"], told["scheduled_at"]) == ("DRAFT", None)


def test_12_nobody_gets_it_twice(invent, club, made, server):
    make_contact(club)
    one = made()
    assert invent.post(f"{one}/send").status_code == 200
    finish()
    response = invent.post(f"{one}/send")
    assert error(response) == (409, "wrong_status")
    assert response.json()["error"]["message"] == "Can only send broadcasts in DRAFT, CANCELLED or FAILED status."
    assert Delivery.objects.count() == 1


def test_13_the_call_that_writes_to_one_person_writes_to_nobody(invent, club, made):
    make_contact(club)
    one = made()
    response = invent.post(f"{one}/send", {"phone": "+15550100"})
    assert error(response) == (400, "invalid_request")
    assert invent.get(one).json()["status"] == "DRAFT"


def test_14_the_list_is_filtered_and_cut(invent, club, made, server):
    for name in ("First", "Second", "Third"):
        invent.post(URL, {"name": name})
    names = [one["name"] for one in invent.get(URL).json()]
    assert names == ["Third", "Second", "First"]
    assert [one["name"] for one in invent.get(f"{URL}?take=1&page=2").json()] == ["Second"]
    assert [one["name"] for one in invent.get(f"{URL}?search=thi").json()] == ["Third"]
    assert invent.get(f"{URL}?page=999").json() == []
    assert len(invent.get(f"{URL}?status=DRAFT").json()) == 3
    assert invent.get(f"{URL}?status=SENDING").json() == []


@pytest.mark.parametrize(
    "query", ["status=draft", "status=FOO", "take=0", "take=1000", "page=x", f"search={'x' * 257}"]
)
def test_14_parameters_that_cannot_be_read_are_refused(invent, query):
    assert error(invent.get(f"{URL}?{query}")) == (400, "invalid_request")


def test_15_recipients_are_the_log(invent, club, made, server):
    make_contact(club, full_name="Ada", email="ada@example.com")
    make_contact(club, full_name="Without", email="")
    one = made()
    assert invent.get(f"{one}/recipients").json() == []
    invent.post(f"{one}/send")
    finish()
    rows = {row["name"]: row for row in invent.get(f"{one}/recipients").json()}
    assert (rows["Ada"]["status"], rows["Ada"]["is_sent"], rows["Ada"]["user_id"]) == ("SENT", True, "ada@example.com")
    assert (rows["Without"]["is_skipped"], rows["Without"]["error_message"]) == (True, "No address for this channel")
    pages = [invent.get(f"{one}/recipients?take=1&page={page}").json() for page in (1, 2, 3)]
    assert sorted(row["name"] for page in pages for row in page) == ["Ada", "Without"]


def test_16_what_was_opened_and_clicked_is_counted_once(invent, club, made, server, tracked):
    make_contact(club)
    one = made()
    invent.post(f"{one}/send")
    finish()
    for fact in ("opened", "clicked", "opened", "clicked"):
        tracking.record(Delivery.objects.get(), fact)
    told = invent.get(one).json()
    assert (told["opened_count"], told["click_count"]) == (1, 1)


def test_17_a_cancel_while_sending_stops_it(invent, club, made, server):
    make_contacts(club, 30)
    one = made()
    invent.post(f"{one}/send")
    answers = []

    def cancel(envelope):
        if not answers:
            answers.append(invent.post(f"{one}/cancel").json())

    server.before = cancel
    finish()
    finish()
    told = invent.get(one).json()
    assert (answers[0]["status"], answers[0]["recipients_count"]) == ("CANCELLED", 30)
    assert (told["status"], told["recipients_count"]) == ("CANCELLED", 30)
    assert 1 <= told["sent_count"] == len(server.received) < 30


def test_18_a_draft_can_be_deleted_and_what_was_sent_cannot(invent, club, made, server):
    make_contact(club)
    draft, sent = made(), made()
    invent.post(f"{sent}/send")
    assert invent.delete(draft).json() == {"success": True}
    assert error(invent.get(draft)) == (404, "not_found")
    assert error(invent.delete(sent)) == (409, "wrong_status")


def test_19_a_trailing_slash_is_no_redirect(invent):
    assert invent.post(f"{URL}/", {"name": "May"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        ("[]", "application/json", (400, "invalid_request")),
        ('"x"', "application/json", (400, "invalid_request")),
        ("{", "application/json", (400, "invalid_json")),
        ("x", "text/plain", (415, "unsupported_media_type")),
    ],
)
def test_20_a_body_is_a_json_object(invent, body, kind, expected):
    assert error(invent.raw(URL, body, kind)) == expected


def test_21_the_same_idempotency_key_makes_one_broadcast(invent):
    told = [invent.post(URL, {"name": "May"}, headers={"Idempotency-Key": "k"}).json()["id"] for _ in range(2)]
    assert told[0] == told[1]
    assert Broadcast.objects.count() == 1


def test_the_broadcasts_of_others_are_not_found(invent, elsewhere):
    theirs = Broadcast.objects.create(organization=elsewhere, name="Theirs")
    for act in ("", "/recipients", "/templates"):
        assert error(invent.get(f"{URL}/{theirs.uuid}{act}")) == (404, "not_found")
    for act in ("/send", "/cancel", "/templates"):
        assert error(invent.post(f"{URL}/{theirs.uuid}{act}")) == (404, "not_found")
    assert [
        invent.patch(f"{URL}/{theirs.uuid}", {}).status_code,
        invent.delete(f"{URL}/{theirs.uuid}").status_code,
    ] == [
        404,
        404,
    ]
    assert error(invent.get(f"{URL}/nonsense")) == (404, "not_found")


def test_a_template_is_changed_in_part_and_gives_back_what_it_does_not_know(invent, made):
    one = made()
    [template] = invent.get(f"{one}/templates").json()
    told = invent.patch(f"{one}/templates/{template['id']}", {"config": {"text": "Bye", "theme": "dark"}}).json()
    assert (told["config"]["subject"], told["config"]["text"], told["config"]["theme"]) == ("May", "Bye", "dark")
    told = invent.patch(f"{one}/templates/{template['id']}", {"config": {"language": "es", "text": "Adiós"}}).json()
    assert told["config"]["translations"]["es"]["text"] == "Adiós"
    assert told["config"]["text"] == "Bye"
    assert invent.delete(f"{one}/templates/{template['id']}").json() == {"success": True}
    assert invent.get(f"{one}/templates").json() == []


def test_a_list_costs_the_same_queries_at_any_length(invent, made, django_assert_num_queries):
    made()
    invent.get(URL)
    with django_assert_num_queries(8):
        invent.get(URL)
    for _ in range(3):
        made()
    with django_assert_num_queries(8):
        assert len(invent.get(URL).json()) == 4


def test_cancelling_stops_it(invent, club, made):
    make_contact(club)
    one = made()
    assert error(invent.post(f"{one}/cancel")) == (409, "wrong_status")
    invent.post(f"{one}/send")
    assert invent.post(f"{one}/cancel").json()["status"] == "CANCELLED"


@pytest.fixture
def cancelled(invent, club, made):
    """Cancelled while it was scheduled."""
    make_contact(club)
    one = made(scheduled_at=IN_AN_HOUR["scheduled_at"])
    invent.post(f"{one}/send")
    assert invent.post(f"{one}/cancel").json()["status"] == "CANCELLED"
    return one


def test_one_that_was_cancelled_before_its_time_reached_nobody(invent, cancelled, server):
    Broadcast.objects.update(due_from=timezone.now() - timedelta(seconds=1))
    finish()
    told = invent.get(cancelled).json()
    assert (told["status"], {told[name] for name in COUNTS}) == ("CANCELLED", {0})
    assert (server.received, invent.get(f"{cancelled}/recipients").json()) == ([], [])


def test_one_that_was_cancelled_is_neither_changed_nor_deleted(invent, cancelled):
    refused = [invent.patch(cancelled, {"name": "June"}), invent.delete(cancelled), invent.post(f"{cancelled}/cancel")]
    assert [error(one) for one in refused] == [(409, "wrong_status")] * 3


def test_one_that_was_cancelled_before_its_time_can_be_sent_again(invent, cancelled, server):
    assert invent.post(f"{cancelled}/send").json()["status"] == "SCHEDULED"
    invent.post(f"{cancelled}/cancel")
    Broadcast.objects.update(scheduled_at=timezone.now() - timedelta(hours=1))
    assert invent.post(f"{cancelled}/send").json()["status"] == "SENDING"
    finish()
    assert len(server.received) == 1


def test_one_that_was_cancelled_after_it_began_cannot(invent, club, made, server):
    make_contact(club)
    one = made()
    invent.post(f"{one}/send")
    invent.post(f"{one}/cancel")
    response = invent.post(f"{one}/send")
    assert error(response) == (409, "wrong_status")
    assert "duplicate it" in response.json()["error"]["message"]


def test_a_time_that_is_given_later_is_shown(invent, club, made):
    one = made()
    Broadcast.objects.update(extra={"invent": {"at_once": True}}, scheduled_at=timezone.now(), status="FAILED")
    told = invent.patch(one, {"scheduled_at": "2030-01-01T10:00:00Z"}).json()
    assert told["scheduled_at"] == "2030-01-01T10:00:00Z"


def test_contacts_are_added_found_and_put_into_segments(invent, make_segment):
    members = make_segment("Members", kind="static", rules={})
    given = {
        "channel": {"user_id": "u1", "name": "Ada", "email": "ada@example.com"},
        "segment_ids": [str(members.uuid)],
    }
    told = invent.post("/orgs/c/contacts", given).json()
    assert (told["name"], [one["name"] for one in told["segments"]]) == ("Ada", ["Members"])
    assert [one["id"] for one in invent.get("/orgs/c/contacts?user_id=u1").json()] == [told["id"]]
    assert invent.get("/orgs/c/contacts?unsubscribed=true").json() == []
    assert [one["name"] for one in invent.get(f"/orgs/c/contacts/{told['id']}/segments").json()] == ["Members"]
    changed = invent.post("/orgs/c/contacts", {"channel": {"contact_id": told["id"], "name": "Ada King"}}).json()
    assert (changed["id"], changed["name"]) == (told["id"], "Ada King")


def test_html_replaces_the_blocks_that_a_template_was_made_from(club, invent, made):
    url = made()
    broadcast = Broadcast.objects.get()
    message = broadcast.messages.get()
    design = {"subject": "May", "format": "blocks", "blocks": [{"type": "text", "html": "<p>Old</p>"}]}
    drafting.save(broadcast, {"messages": [{"uuid": message.uuid, "translations": {"en": design}}]})
    read = invent.get(url).json()["templates"][0]

    for config, html, kind in (
        (read["config"], read["config"]["html"], "blocks"),
        ({"html": "<p>New</p>"}, "<p>New</p>", "html"),
    ):
        assert invent.patch(f"{url}/templates/{read['id']}", {"config": config}).status_code == 200
        stored = message.translations.get()
        assert (stored.html, stored.format, stored.subject) == (html, kind, "May")
