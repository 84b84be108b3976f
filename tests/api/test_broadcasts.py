import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from broadcasts import drafting
from broadcasts.models import AuditEntry, Broadcast, Message, Segment
from broadcasts.sending.readiness import BLANK
from tests.make import make_broadcast, make_contact

from .conftest import URL, client_of

NINE = ["uuid", "created", "subject", "body", "query", "author_full_name", "emails", "state", "send_at"]
MORE = [
    *("id", "name", "use_case", "status", "author", "send_to_all", "segments", "excluded_segments", "contacts"),
    *("addresses", "activity", "attendance_status", "retarget_of", "retarget_engagement", "excluded_broadcasts"),
    *(
        "excluded_days",
        "scheduled_at",
        "local_time",
        "ignore_quiet_hours",
        "expires_at",
        "repeat",
        "parent",
        "origin",
        "started_at",
        "completed_at",
        "modified",
    ),
    *("error_message", "base_language", "channel_policy", "fallback_fact", "fallback_minutes", "fallback_unknown"),
    *("messages", "counts", "measured"),
]
ZERO = {
    **dict.fromkeys(("contacts", "recipients", "skipped", "pending", "sent", "failed", "unknown", "cancelled"), 0),
    **dict.fromkeys(("delivered", "bounced", "opened", "clicked", "played", "replied", "complained"), 0),
    "unsubscribed": 0,
    "fallbacks": 0,
}


def test_a_new_broadcast_is_shown_whole(api, admin, mail, draft):
    contact = make_contact(admin.organization)
    made = draft(body="Hello {{ contact.name }}", query={"language": ["es", ""]}, send_at="2030-11-25")
    assert list(made) == NINE + MORE
    row = Broadcast.objects.get()
    assert made["uuid"] == str(row.uuid)
    assert made["created"].endswith("Z")
    assert made["emails"] == [contact.email]
    assert made["query"] == {"language": ["es", ""]}
    assert (made["state"], made["status"], made["send_at"]) == ("DRAFT", "DRAFT", "2030-11-25")
    assert made["scheduled_at"] == "2030-11-25T09:00:00Z"
    assert (made["name"], made["author"]) == ("Pool closed", str(admin.user.uuid))
    assert made["author_full_name"] == admin.user.full_name
    assert (made["counts"], made["measured"]) == (ZERO, ["unsubscribed"])
    assert made["error_message"] is None
    assert made["messages"] == [
        {
            "uuid": str(Message.objects.get().uuid),
            "channel": {"uuid": str(mail.uuid), "name": "Newsletter", "kind": "email"},
            "template": None,
            "syntax": "liquid",
            "parameters": {},
            "translations": {
                "en": {
                    "subject": "Pool closed",
                    "preheader": "",
                    "text": "Hello {{ contact.name }}",
                    "html": "",
                    "attachments": [],
                    "quick_replies": [],
                }
            },
            "recipients_count": 0,
            "error": None,
        }
    ]


def test_the_answer_to_a_write_is_what_is_read_later(api, draft):
    made = draft()
    assert api.get(f"{URL}{made['uuid']}/").json() == made


def test_a_uuid_may_come_without_hyphens(api, draft):
    made = draft()
    assert api.get(f"{URL}{made['uuid'].replace('-', '')}/").json()["uuid"] == made["uuid"]


@pytest.mark.parametrize("key", ["malformed", "0190c7a2-0000-7000-8000-000000000000", "{0190c7a2", "1"])
def test_what_is_not_there_is_404(api, key):
    answer = api.get(f"{URL}{key}/")
    assert answer.status_code == 404
    assert "detail" in answer.json()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_rows_of_others_are_404(outsider, draft, method):
    made = draft()
    assert getattr(outsider, method)(f"{URL}{made['uuid']}/", {}).status_code == 404
    assert outsider.get(URL).json() == []
    assert Broadcast.objects.exists()


@pytest.mark.parametrize("act", ["schedule", "send", "pause", "cancel", "duplicate", "test", "preview", "estimate"])
def test_actions_on_rows_of_others_are_404(outsider, draft, act):
    assert outsider.post(f"{URL}{draft()['uuid']}/{act}/").status_code == 404


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({}, dict.fromkeys(("subject", "body", "query"), "This field is required.")),
        ({"subject": "", "body": "b", "query": {}}, {"subject": "This field may not be blank."}),
        ({"subject": "s", "body": " \n", "query": {}}, {"body": "This field may not be blank."}),
        (
            {"subject": "s" * 1001, "body": "b", "query": {}},
            {"subject": "Ensure this field has no more than 1000 characters."},
        ),
        (
            {"subject": "s", "body": "b", "query": {}, "send_at": "2030-11-25T09:00:00Z"},
            {"send_at": "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."},
        ),
    ],
)
def test_wrong_fields_are_named_flatly(api, fields, errors):
    answer = api.post(URL, fields)
    assert answer.status_code == 400
    assert answer.json() == {name: [text] for name, text in errors.items()}


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("send_at", "0001-01-01"), ("send_at", "9999-12-31")),
        *(("scheduled_at", "0001-01-01T00:00:00Z"), ("scheduled_at", "9999-12-31T23:59:59Z")),
        ("expires_at", "9999-12-31T23:59:59Z"),
    ],
)
def test_a_time_that_is_not_in_every_zones_calendar_is_refused(api, club, zone, field, value):
    club.time_zone = zone
    club.save()
    answer = api.post(URL, {"subject": "s", "body": "b", "query": {}, field: value})
    assert (answer.status_code, answer.json()) == (400, {field: ["This is too far away."]})
    assert api.get(URL).json() == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        (None, "query: "),
        ([], "query: "),
        ("everybody", "query: "),
        ({"colour": "red"}, "query.colour: "),
        ({"all": [{"languge": "es"}]}, "query.all[0].languge: "),
        ({"segment": "0190c7a2-0000-7000-8000-000000000000"}, "query.segment: "),
    ],
)
def test_a_wrong_query_names_its_path(api, query, path):
    answer = api.post(URL, {"subject": "s", "body": "b", "query": query})
    assert answer.status_code == 400
    [message] = answer.json()["query"]
    assert message.startswith(path)
    assert not Broadcast.objects.exists()


@pytest.mark.parametrize("poison", [r"\u0000", r"\ud800", "1e999"])
@pytest.mark.parametrize("field", ["subject", "query", "addresses", "use_case"])
def test_values_that_no_database_keeps_are_refused(api, poison, field):
    body = f'{{"subject": "s", "body": "b", "query": {{}}, "{field}": ["{poison}", 1e999]}}'
    assert api.post(URL, body, content_type="application/json").status_code == 400


def test_a_wrong_template_is_told_under_its_field(api):
    answer = api.post(URL, {"subject": "{{ contact.nmae }}", "body": "{% if %}", "query": {}})
    assert answer.status_code == 400
    assert set(answer.json()) == {"subject", "body"}
    assert "line 1" in answer.json()["body"][0]


def test_a_wrong_template_in_a_message_is_told_with_its_path(api):
    messages = [{"translations": {"en": {"subject": "s", "text": "b"}, "es": {"subject": "s", "text": "{{ oops }}"}}}]
    answer = api.post(URL, {"query": {}, "messages": messages})
    assert answer.status_code == 400
    [message] = answer.json()["messages"]
    assert message.startswith("0.translations.es.text: ")


def test_another_audience_field_makes_query_optional(api, club):
    segment = Segment.objects.create(organization=club, name="Members", kind="static")
    answer = api.post(URL, {"subject": "s", "body": "b", "segments": [str(segment.uuid)]})
    assert answer.status_code == 201
    assert answer.json()["query"] == {}
    assert answer.json()["segments"] == [{"uuid": str(segment.uuid), "name": "Members"}]


def test_relations_are_written_in_the_form_they_are_read(api, club, draft):
    segment = Segment.objects.create(organization=club, name="Members", kind="static")
    made = draft(segments=[str(segment.uuid)])
    again = api.put(f"{URL}{made['uuid']}/", made)
    assert again.status_code == 200
    assert again.json() == made


def test_segments_of_others_are_unknown(api, elsewhere):
    segment = Segment.objects.create(organization=elsewhere, name="Theirs", kind="static")
    answer = api.post(URL, {"subject": "s", "body": "b", "segments": [str(segment.uuid)]})
    assert answer.status_code == 400
    assert list(answer.json()) == ["segments"]


def test_existing_clients_segments_are_read_back_with_names(api, club, draft):
    segment = Segment.objects.create(organization=club, name="Members", kind="static")
    shown = [{"name": "Members", "uuid": str(segment.uuid)}]
    made = draft(query={"customers": [str(segment.uuid)], "offerings": []})
    assert made["query"] == {"customers": shown, "offerings": []}
    assert api.put(f"{URL}{made['uuid']}/", made).json()["query"] == made["query"]
    assert Broadcast.objects.get().query == {"customers": [str(segment.uuid)], "offerings": []}


def test_at_most_ten_segments(api, club):
    answer = api.post(URL, {"subject": "s", "body": "b", "segments": [str(uuid.uuid4())] * 11})
    assert answer.json() == {"segments": ["At most 10 are possible here."]}


def test_without_a_channel_a_draft_is_saved(api, mail):
    mail.delete()
    made = api.post(URL, {"subject": "s", "body": "b", "query": {}})
    assert made.status_code == 201
    assert made.json()["messages"][0]["channel"] is None
    sent = api.post(f"{URL}{made.json()['uuid']}/send/")
    assert sent.status_code == 400
    assert list(sent.json()) == ["detail"]


def test_a_put_leaves_what_it_does_not_name(api, draft):
    made = draft(name="Internal", addresses=["mailto:joe@example.com"], send_at="2030-11-25")
    answer = api.put(f"{URL}{made['uuid']}/", {"subject": "New", "body": "B", "query": {}})
    assert answer.status_code == 200
    put = answer.json()
    assert (put["subject"], put["body"], put["query"]) == ("New", "B", {})
    assert (put["name"], put["addresses"], put["send_at"]) == ("Internal", ["mailto:joe@example.com"], "2030-11-25")


def test_a_put_needs_what_a_post_needs(api, draft):
    answer = api.put(f"{URL}{draft()['uuid']}/", {"body": "B"})
    assert answer.status_code == 400
    assert set(answer.json()) == {"subject", "query"}


def test_a_patch_changes_what_it_names(api, draft):
    made = draft()
    patched = api.patch(f"{URL}{made['uuid']}/", {"subject": "Open again"}).json()
    changed = {name for name in made if made[name] != patched[name]}
    assert changed == {"subject", "name", "messages", "modified"}
    assert patched["name"] == "Open again"


def test_a_patch_that_changes_nothing_writes_nothing(api, draft):
    made = draft(send_at="2030-11-25")
    entries = AuditEntry.objects.count()
    patched = api.patch(f"{URL}{made['uuid']}/", {"subject": made["subject"], "send_at": "2030-11-25"})
    assert patched.json() == made
    assert AuditEntry.objects.count() == entries


def test_read_only_fields_are_ignored(api, draft):
    made = draft(state="SENT", status="SENT", emails=["x@example.com"], author_full_name="Somebody")
    assert (made["state"], made["emails"]) == ("DRAFT", [])
    assert made["author_full_name"] != "Somebody"


def test_a_day_sets_the_send_hour_in_the_organizations_zone(api, club, draft):
    club.time_zone, club.default_send_hour = "Europe/Madrid", 8
    club.save()
    made = draft(send_at="2030-07-01")
    assert (made["scheduled_at"], made["send_at"]) == ("2030-07-01T06:00:00Z", "2030-07-01")


def test_a_day_that_it_has_already_keeps_the_hour(api, draft):
    made = draft(scheduled_at="2030-07-01T15:30:00Z")
    patched = api.patch(f"{URL}{made['uuid']}/", {"send_at": "2030-07-01"}).json()
    assert patched["scheduled_at"] == "2030-07-01T15:30:00Z"


def test_null_takes_the_time_of_a_draft_away_but_not_of_a_scheduled_one(api, mail):
    broadcast = make_broadcast(mail, scheduled_at=datetime(2040, 1, 1, tzinfo=UTC), status="SCHEDULED")
    path = f"{URL}{broadcast.uuid}/"
    assert list(api.patch(path, {"send_at": None}).json()) == ["send_at"]
    Broadcast.objects.update(status="DRAFT")
    assert api.patch(path, {"send_at": None}).json()["scheduled_at"] is None


def test_a_new_time_of_a_scheduled_one_is_when_it_is_due(api, mail):
    broadcast = make_broadcast(mail, scheduled_at=datetime(2040, 1, 1, tzinfo=UTC), status="SCHEDULED")
    assert api.patch(f"{URL}{broadcast.uuid}/", {"scheduled_at": "2041-01-01T00:00:00Z"}).status_code == 200
    broadcast.refresh_from_db()
    assert (broadcast.status, broadcast.due_from) == ("SCHEDULED", datetime(2041, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("status", ["SENDING", "PAUSED", "SENT", "CANCELLED"])
@pytest.mark.parametrize("change", ["put ", "patch ", "delete ", "post schedule/", "post send/"])
def test_what_is_on_its_way_cannot_be_changed(api, mail, status, change):
    broadcast = make_broadcast(mail, status=status)
    method, act = change.split(" ")
    answer = getattr(api, method)(f"{URL}{broadcast.uuid}/{act}", {"subject": "s", "body": "b", "query": {}})
    assert answer.status_code == 409
    assert answer.json() == {"detail": "Valid states for operation: Draft, Scheduled."}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *(("DRAFT", "DRAFT"), ("FAILED", "DRAFT"), ("SENDING", "SCHEDULED"), ("PAUSED", "SCHEDULED")),
        *(("SENT", "SENT"), ("CANCELLED", "SENT")),
    ],
)
def test_states_are_three_words(api, mail, status, state):
    make_broadcast(mail, status=status)
    [row] = api.get(URL).json()
    assert (row["status"], row["state"]) == (status, state)
    assert len(api.get(URL, {"state": state}).json()) == 1


def test_a_draft_is_deleted(api, draft):
    assert api.delete(f"{URL}{draft()['uuid']}/").status_code == 204
    assert not Broadcast.objects.exists()


def test_the_author_who_is_gone_is_null(api, mail):
    make_broadcast(mail, author_name="Ada")
    [row] = api.get(URL).json()
    assert (row["author"], row["author_full_name"]) == (None, None)


def test_messages_are_written_nested(api, mail):
    messages = [
        {
            "channel": str(mail.uuid),
            "translations": {"en": {"subject": "Hi", "text": "Hello"}, "ES": {"subject": "Hola", "text": "Buenas"}},
        }
    ]
    made = api.post(URL, {"query": {}, "messages": messages}).json()
    assert (made["subject"], made["body"], made["name"]) == ("Hi", "Hello", "Hi")
    assert list(made["messages"][0]["translations"]) == ["en", "es"]
    path = f"{URL}{made['uuid']}/"
    changed = api.patch(path, {"messages": [{**made["messages"][0], "translations": {"en": {"text": "Only"}}}]}).json()
    assert changed["messages"][0]["uuid"] == made["messages"][0]["uuid"]
    assert changed["body"] == "Only"
    assert list(changed["messages"][0]["translations"]) == ["en"]


def test_messages_change_places(api, mail):
    one, two = ({"translations": {"en": {"subject": name, "text": name}}} for name in ("one", "two"))
    made = api.post(URL, {"query": {}, "messages": [one, two]}).json()
    answer = api.patch(f"{URL}{made['uuid']}/", {"messages": made["messages"][::-1]})
    assert answer.status_code == 200
    assert (answer.json()["subject"], len(answer.json()["messages"])) == ("two", 2)
    assert {m["uuid"] for m in answer.json()["messages"]} == {m["uuid"] for m in made["messages"]}


def test_wrong_messages_are_told_with_their_path(api):
    answer = api.post(URL, {"query": {}, "messages": [{"translations": {"en": {"subject": "a\nb"}}}, {"channel": "x"}]})
    assert answer.status_code == 400
    assert [error.partition(":")[0] for error in answer.json()["messages"]] == ["0.translations", "1.channel"]


def test_the_base_language_needs_content(api):
    messages = [{"translations": {"es": {"subject": "Hola", "text": "Hola"}}}]
    assert api.post(URL, {"query": {}, "messages": messages}).json()["base_language"] == "es"
    answer = api.post(URL, {"query": {}, "messages": messages, "base_language": "fr"})
    assert "fr" in answer.json()["messages"][0]


def test_a_viewer_reads_and_does_not_write(viewer, draft):
    client = client_of(viewer)
    made = draft()
    assert client.get(f"{URL}{made['uuid']}/").status_code == 200
    assert client.post(URL, {}).status_code == 403
    assert client.patch(f"{URL}{made['uuid']}/", {}).status_code == 403


def test_a_clock_time_of_each_recipient_can_be_asked_for(api, draft):
    made = draft()
    assert (made["local_time"], made["ignore_quiet_hours"]) == (False, False)
    changed = api.patch(f"{URL}{made['uuid']}/", {"local_time": True, "ignore_quiet_hours": True})
    assert (changed.json()["local_time"], changed.json()["ignore_quiet_hours"]) == (True, True)


def test_local_time_without_a_time_is_not_sent(api, draft):
    uuid = draft(local_time=True)["uuid"]
    answer = api.post(f"{URL}{uuid}/send/")
    assert answer.status_code == 400
    assert "Set scheduled_at first" in str(answer.json())


def test_local_time_changed_while_it_is_scheduled_moves_when_it_begins(api, draft):
    moment = timezone.now() + timedelta(days=3)
    uuid = draft(scheduled_at=moment.isoformat())["uuid"]
    api.post(f"{URL}{uuid}/schedule/")
    assert api.patch(f"{URL}{uuid}/", {"local_time": True}).status_code == 200
    assert Broadcast.objects.get().due_from == moment - timedelta(hours=14)


@pytest.mark.parametrize("act", ["create", "change"])
def test_marketing_cannot_ignore_the_quiet_hours(api, draft, act):
    values = {"use_case": "marketing", "ignore_quiet_hours": True}
    if act == "change":
        answer = api.patch(f"{URL}{draft()['uuid']}/", values)
    else:
        answer = api.post(URL, {"subject": "Sale", "body": "Come!", "query": {"all_users": True}, **values})
    assert answer.status_code == 400
    assert answer.json() == {"ignore_quiet_hours": [drafting.QUIET_FOR_MARKETING]}


@pytest.mark.parametrize("name", ["local_time", "ignore_quiet_hours"])
def test_what_is_neither_yes_nor_no_is_refused(api, draft, name):
    answer = api.patch(f"{URL}{draft()['uuid']}/", {name: "tomorrow"})
    assert (answer.status_code, list(answer.json())) == (400, [name])


def test_content_that_names_a_language_twice_is_refused(api):
    translations = {"en": {"text": "a"}, "EN": {"text": "b"}}
    answer = api.post(URL, {"query": {"all_users": True}, "messages": [{"translations": translations}]})
    assert answer.status_code == 400
    assert "names one language twice" in answer.json()["messages"][0]


@pytest.mark.parametrize("act", ["send", "schedule"])
def test_a_draft_that_says_nothing_is_saved_and_told_so_when_it_is_to_leave(api, mail, act):
    at = (timezone.now() + timedelta(days=1)).isoformat()
    messages = [{"translations": {"en": {"subject": "Only that"}}}]
    draft = api.post(URL, {"query": {"all_users": True}, "messages": messages, "scheduled_at": at})
    assert draft.status_code == 201
    answer = api.post(f"{URL}{draft.json()['uuid']}/{act}/")
    assert (answer.status_code, answer.json()) == (400, {"body": [BLANK]})
    assert Broadcast.objects.get().status == "DRAFT"


def test_what_is_scheduled_cannot_lose_its_content(api, draft):
    uuid = draft(scheduled_at=(timezone.now() + timedelta(days=1)).isoformat())["uuid"]
    api.post(f"{URL}{uuid}/schedule/")
    answer = api.patch(f"{URL}{uuid}/", {"messages": [{"translations": {"en": {"subject": "Only that"}}}]})
    assert (answer.status_code, answer.json()) == (400, {"body": [BLANK]})
