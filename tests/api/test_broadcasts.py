import uuid

import pytest
from django.utils import timezone

from broadcasts.models import AuditEntry, Broadcast, Message, Segment
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
        "undo_until",
        "started_at",
        "completed_at",
        "modified",
    ),
    *("error_message", "base_language", "channel_policy", "fallback_fact", "fallback_minutes", "fallback_unknown"),
    *("track_opens", "track_clicks", "in_archive", "archive_url", "messages", "warnings", "counts", "measured"),
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
            "layout": None,
            "parameters": {},
            "translations": {
                "en": {
                    "subject": "Pool closed",
                    "preheader": "",
                    "text": "Hello {{ contact.name }}",
                    "html": "",
                    "format": "html",
                    "source": "",
                    "blocks": [],
                    "slots": {},
                    "attachments": [],
                    "quick_replies": [],
                    "parameters": {},
                }
            },
            "recipients_count": 0,
            "error": None,
            "cost": None,
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


@pytest.mark.parametrize(
    "act", ["schedule", "send", "pause", "cancel", "reopen", "duplicate", "test", "preview", "estimate"]
)
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
    make_broadcast(mail, status=status, started_at=timezone.now())
    [row] = api.get(URL).json()
    assert (row["status"], row["state"]) == (status, state)
    assert len(api.get(URL, {"state": state}).json()) == 1


def test_one_that_was_cancelled_before_it_began_is_a_draft_to_a_filter_too(api, mail):
    make_broadcast(mail, status="CANCELLED")
    assert [len(api.get(URL, {"state": state}).json()) for state in ("DRAFT", "SENT")] == [1, 0]


def test_a_draft_is_deleted(api, draft):
    assert api.delete(f"{URL}{draft()['uuid']}/").status_code == 204
    assert not Broadcast.objects.exists()


def test_the_author_who_is_gone_is_null(api, mail):
    make_broadcast(mail, author_name="Ada")
    [row] = api.get(URL).json()
    assert (row["author"], row["author_full_name"]) == (None, None)


def test_a_viewer_reads_and_does_not_write(viewer, draft):
    client = client_of(viewer)
    made = draft()
    assert client.get(f"{URL}{made['uuid']}/").status_code == 200
    assert client.post(URL, {}).status_code == 403
    assert client.patch(f"{URL}{made['uuid']}/", {}).status_code == 403


@pytest.mark.parametrize("name", ["local_time", "ignore_quiet_hours"])
def test_what_is_neither_yes_nor_no_is_refused(api, draft, name):
    answer = api.patch(f"{URL}{draft()['uuid']}/", {name: "tomorrow"})
    assert (answer.status_code, list(answer.json())) == (400, [name])
