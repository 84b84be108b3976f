import csv
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from broadcasts import consenting, contacts, importing, links
from broadcasts.importing import job as job_module
from broadcasts.importing.suppressions import SuppressionStore
from broadcasts.models import AuditEntry, ImportJob, Suppression
from tests.make import make_contact

from .conftest import client_of

URL = "/api/suppressions/"


@pytest.fixture
def made(api):
    answer = api.post(URL, {"address": "Joe@Example.com"})
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_an_address_is_suppressed(api, made, draft, club):
    assert list(made) == [
        *("uuid", "id", "created", "modified", "medium", "address", "reason", "use_case"),
        *("expires_at", "delivery", "report", "source"),
    ]
    assert (made["medium"], made["reason"], made["use_case"]) == ("email", "manual", "")
    make_contact(club, email="joe@example.com")
    assert draft()["emails"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "address"),
        ({"address": "joe"}, "address"),
        ({"address": "12", "medium": "sms"}, "address"),
        ({"address": "joe@example.com"}, "address"),
        ({"address": "x@example.com", "medium": "pigeon"}, "medium"),
        ({"address": "x@example.com", "reason": "hard_bounce"}, "reason"),
        ({"address": "x@example.com", "use_case": "other"}, "use_case"),
    ],
)
def test_wrong_suppressions_are_refused(api, made, body, field):
    answer = api.post(URL, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_suppressions_are_found_by_address_however_written(api, made):
    api.post(URL, {"address": "600 000 001", "medium": "sms"})
    assert [row["uuid"] for row in api.get(URL, {"address": "JOE@example.com"}).json()] == [made["uuid"]]
    [number] = api.get(URL, {"address": "+34600000001"}).json()
    assert number["medium"] == "sms"
    assert api.get(URL, {"address": "nobody"}).json() == []


def test_only_admins_let_an_address_be_reached_again(api, sender, author, made):
    path = f"{URL}{made['uuid']}/"
    assert client_of(author).post(URL, {"address": "ann@example.com"}).status_code == 201
    assert client_of(sender).delete(path).status_code == 403
    assert api.delete(path).status_code == 204
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize("where", ["query", "body"])
def test_lifting_keeps_who_why_and_the_cause(api, admin, made, where):
    path = f"{URL}{made['uuid']}/"
    told = {"reason": "She has a new mailbox"}
    answer = api.delete(f"{path}?reason=She+has+a+new+mailbox") if where == "query" else api.delete(path, told)
    assert answer.status_code == 204
    entry = AuditEntry.objects.get(act="lift")
    assert (entry.user, entry.detail["reason"], entry.detail["cause"]) == (admin.user, told["reason"], "manual")


def test_a_suppression_may_end_by_itself(api):
    assert api.post(URL, {"address": "a@example.com", "expires_at": "2020-01-01T00:00:00Z"}).status_code == 400
    made = api.post(URL, {"address": "a@example.com", "expires_at": "2090-01-01T00:00:00Z"}).json()
    assert made["expires_at"] == "2090-01-01T00:00:00Z"
    api.post(URL, {"address": "b@example.com"})
    listed = {asked: [row["address"] for row in api.get(URL, {"expires": asked}).json()] for asked in ("true", "false")}
    assert listed == {"true": ["a@example.com"], "false": ["b@example.com"]}


def test_a_suppression_shows_the_delivery_and_the_report_that_made_it(api, club, made):
    report = consenting.report_of(timezone.now(), "5.2.2", "mailbox full", "mx.example.com")
    consenting.suppress(club, "email", "full@example.com", "soft_bounce", delivery=7, report=report)
    shown, other = api.get(URL).json()
    assert (shown["delivery"], shown["report"]) == (links.delivery_token(7), report)
    assert (other["delivery"], other["report"]) == (None, None)


def test_a_suppression_is_not_changed(api, made):
    assert api.patch(f"{URL}{made['uuid']}/", {"address": "x@example.com"}).status_code == 405


def test_suppressions_of_others_are_404(outsider, made):
    assert outsider.get(f"{URL}{made['uuid']}/").status_code == 404
    assert outsider.delete(f"{URL}{made['uuid']}/").status_code == 404
    assert outsider.get(URL).json() == []


def test_suppressions_are_listed_in_few_queries(api, made, django_assert_max_num_queries):
    for n in range(5):
        api.post(URL, {"address": f"{n}@example.com"})
    with django_assert_max_num_queries(5):
        assert api.get(URL).json()[0]["address"] == "4@example.com"


# In and out.

IMPORT = f"{URL}import/"


def send(api, text, *, kind="text/csv", **params):
    query = "&".join(f"{name}={value}" for name, value in params.items())
    return api.generic("POST", f"{IMPORT}?{query}", text, content_type=kind)


def run(answer):
    """The job of an answer, run to its end."""
    assert answer.status_code == 202, answer.json()
    job = ImportJob.objects.get(uuid=answer.json()["uuid"])
    importing.run_import(job.pk)
    job.refresh_from_db()
    assert job.status == "done", job.error_message
    return job


def take(api, text, **params):
    return run(send(api, text, **params))


def counts(job):
    return job.rows, job.created_count, job.updated_count, job.unchanged_count, job.invalid_count


def refused(job):
    rows = csv.DictReader(b"".join(importing.refused_lines(job)).decode().splitlines())
    return [(int(row["line"]), row["column"]) for row in rows]


LIST = """Address;medium;reason;use_case
joe@example.com;;;
JOE@example.com;;;
+34 600 000 001;sms;stop;
ann;;;
bea@example.com;;complaint;marketing
bea@example.com;pigeon;;
"""


def test_a_list_is_imported_in_the_background_with_counts_and_lines(api, admin):
    answer = send(api, LIST)
    assert (answer.json()["kind"], answer.json()["status"]) == ("suppressions", "waiting")
    assert not Suppression.objects.exists()
    job = run(answer)
    assert counts(job) == (6, 3, 0, 1, 2)
    assert refused(job) == [(5, "Address"), (7, "medium")]
    assert set(Suppression.objects.values_list("address", "reason", "use_case", "source")) == {
        ("joe@example.com", "import", "", "API"),
        ("+34600000001", "stop", "", "API"),
        ("bea@example.com", "complaint", "marketing", "API"),
    }
    entry = AuditEntry.objects.get(act="import")
    assert (entry.user, entry.object_id) == (admin.user, job.pk)


def test_an_imported_suppression_is_as_one_added_by_hand(api):
    take(api, "address\njoe@example.com\n", reason="manual")
    imported = Suppression.objects.get()
    assert api.post(URL, {"address": "joe@example.com"}).status_code == 400
    imported.full_clean(validate_constraints=False)
    assert imported.created == imported.modified


def test_a_dry_run_counts_the_same_and_writes_nothing(api):
    assert counts(take(api, LIST, dry_run="true")) == (6, 3, 0, 1, 2)
    assert not Suppression.objects.exists()


def test_a_list_imported_again_changes_nothing_but_to_the_stricter(api):
    take(api, LIST)
    assert counts(take(api, LIST)) == (6, 0, 0, 4, 2)
    job = take(api, "address,reason\nbea@example.com,complaint\n", use_case="")
    assert job.updated_count == 1
    take(api, LIST)
    assert Suppression.objects.get(reason="complaint").use_case == ""


@pytest.mark.parametrize("apart", [True, False])
def test_two_noes_of_one_reason_stop_what_any_of_them_stops(api, apart):
    lines = ["joe@example.com,unsubscribe,marketing", "joe@example.com,unsubscribe,general"]
    for part in [[line] for line in lines] if apart else [lines]:
        take(api, "\n".join(["address,reason,use_case", *part]))
    assert Suppression.objects.get().use_case == ""


@pytest.mark.parametrize(
    ("reason", "stops"), [("unsubscribe", "marketing"), ("complaint", "marketing"), ("manual", ""), ("stop", "")]
)
def test_what_nobody_says_of_a_no_follows_from_its_reason(api, reason, stops):
    take(api, f"address,reason,use_case\njoe@example.com,{reason},\n")
    assert Suppression.objects.get().use_case == stops
    if reason != "stop":  # which nobody adds by hand
        made = api.post(URL, {"address": "bea@example.com", "reason": reason}).json()
        assert made["use_case"] == stops


@pytest.mark.parametrize("stops", ["", "general", "marketing"])
def test_what_is_said_of_a_no_is_kept(api, stops):
    made = api.post(URL, {"address": "joe@example.com", "reason": "unsubscribe", "use_case": stops})
    assert made.json()["use_case"] == stops
    take(api, "address\nbea@example.com\n", reason="complaint", use_case=stops)
    assert Suppression.objects.get(reason="complaint").use_case == stops


def test_what_was_exported_stops_the_same_again(api, outsider):
    for stops in ("", "general", "marketing"):
        api.post(URL, {"address": f"joe{stops}@example.com", "reason": "unsubscribe", "use_case": stops})
    file = api.get(URL, headers={"accept": "text/csv"}).getvalue().decode()
    take(outsider, file, reason="complaint", use_case="general")
    answers = [{(row["address"], row["use_case"]) for row in client.get(URL).json()} for client in (api, outsider)]
    assert answers[0] == answers[1]


def test_a_wider_no_is_taken_and_a_narrower_one_is_known_already(api):
    one = {"address": "joe@example.com", "reason": "unsubscribe"}
    answers = [api.post(URL, {**one, "use_case": use_case}) for use_case in ("marketing", "general", "marketing")]
    assert [answer.status_code for answer in answers] == [201, 201, 400]
    assert Suppression.objects.get().use_case == ""


def test_a_number_that_was_exported_comes_back_where_no_country_is_known(api, club, outsider, stranger):
    take(api, LIST)
    file = api.get(URL, headers={"accept": "text/csv"}).getvalue().decode()
    type(club).objects.update(country="")
    assert take(outsider, file).created_count == 3
    mine, theirs = (Suppression.objects.for_organization(one).order_by("pk") for one in (club, stranger.organization))
    columns = ("medium", "address_hash", "reason", "use_case")
    assert set(mine.values_list(*columns)) == set(theirs.values_list(*columns))


ENDS = """address,expires_at
a@example.com,2090-01-01T00:00:00Z
b@example.com,2090-01-01 01:00
c@example.com,
d@example.com,soon
"""


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_a_list_says_when_its_lines_end_and_the_later_end_stays(api, club, dry_run):
    club.time_zone = "Europe/Madrid"
    club.save()
    job = take(api, ENDS, dry_run=dry_run)
    assert (job.created_count, refused(job)) == (3, [(5, "expires_at")])
    if dry_run == "true":
        return
    midnight = datetime(2090, 1, 1, tzinfo=UTC)
    ends = dict(Suppression.objects.values_list("address", "expires_at"))
    assert ends == {"a@example.com": midnight, "b@example.com": midnight, "c@example.com": None}
    later = ENDS.replace("2090", "2091").replace("c@example.com,", "c@example.com,2090-01-01")
    assert counts(take(api, later))[1:] == (0, 2, 1, 1)
    assert counts(take(api, ENDS))[1:] == (0, 0, 3, 1)
    assert counts(take(api, "address\na@example.com\n"))[1:] == (0, 1, 0, 0)
    assert Suppression.objects.get(address="a@example.com").expires_at is None


def test_an_end_that_was_exported_comes_back(api, outsider):
    take(api, ENDS)
    file = api.get(URL, headers={"accept": "text/csv"}).getvalue().decode()
    take(outsider, file)
    answers = [{(row["address"], row["expires_at"]) for row in client.get(URL).json()} for client in (api, outsider)]
    assert answers[0] == answers[1]


def test_json_lines_are_taken_too(api):
    text = '{"address": "joe@example.com", "reason": "hard_bounce"}\n\n[1]\nnot json\n{"address": 1}\n{"shoe": "x"}\n'
    job = take(api, text, kind="application/x-ndjson")
    assert counts(job) == (5, 1, 0, 0, 4)
    assert [line for line, _ in refused(job)] == [3, 4, 5, 6]


def test_parameters_say_what_lines_do_not(api):
    take(api, "email\njoe@example.com\n", reason="unsubscribe", use_case="marketing")
    assert Suppression.objects.filter(reason="unsubscribe", use_case="marketing").exists()


@pytest.mark.parametrize(
    ("text", "kind", "params", "status"),
    [
        ("", "text/csv", {}, 400),
        ("name\njoe\n", "text/csv", {}, 400),
        ("{}", "application/json", {}, 415),
        ("address\n", "text/csv", {"reason": "whim"}, 400),
        ("address\n", "text/csv", {"dry_run": "perhaps"}, 400),
        ("address\n", "text/csv", {"shoe": "1"}, 400),
    ],
)
def test_what_is_no_list_is_refused(api, text, kind, params, status):
    assert send(api, text, kind=kind, **params).status_code == status
    assert not ImportJob.objects.exists()


@pytest.mark.parametrize("line", ["\x00joe@example.com", b"jo\xe9@example.com", "x" * 400 + "@example.com", '"open'])
def test_odd_lines_are_told_and_the_rest_is_taken(api, line):
    line = line if isinstance(line, bytes) else line.encode()
    job = take(api, b"address\nann@example.com\n" + line + b"\n")
    assert (job.created_count, job.invalid_count, refused(job)[0][0]) == (1, 1, 3)


def test_a_line_that_ends_early_is_still_a_no(api):
    assert take(api, "address,reason,use_case\njoe@example.com\n").created_count == 1


def test_an_export_can_be_imported_elsewhere_in_time_also_what_was_erased(api, club):
    contacts.erase(make_contact(club, "-joe@example.com"))
    api.post(URL, {"address": "+34600000001", "medium": "sms"})
    columns = ("medium", "address_hash", "address", "reason", "use_case")
    before = set(Suppression.objects.values_list(*columns))
    text = b"".join(api.get(URL, HTTP_ACCEPT="text/csv").streaming_content)
    Suppression.objects.all().delete()
    assert take(api, text).created_count == len(before)
    assert set(Suppression.objects.values_list(*columns)) == before


def test_an_erased_address_stays_a_hash_when_it_is_imported(api, club):
    contacts.erase(make_contact(club, "joe@example.com"))
    take(api, "address\njoe@example.com\n")
    assert set(Suppression.objects.values_list("address", flat=True)) == {""}


def test_a_list_is_read_chunk_by_chunk(api, monkeypatch):
    monkeypatch.setattr(job_module, "CHUNK", 2)
    text = "address\n" + "".join(f"{n % 5}@example.com\n" for n in range(8))
    for dry_run in ("true", "false"):
        assert counts(take(api, text, dry_run=dry_run)) == (8, 5, 0, 3, 0)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_list_goes_on_where_a_dead_worker_left_it(api, monkeypatch, dry_run):
    monkeypatch.setattr(job_module, "CHUNK", 2)
    text = "address\n" + "".join(f"{n % 5}@example.com\n" for n in range(8))
    job = ImportJob.objects.get(uuid=send(api, text, dry_run=dry_run).json()["uuid"])
    importing.run_import(job.pk, 0)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(job_module.Run, "take", lambda *args: exit())
        importing.run_import(job.pk)
    ImportJob.objects.update(lease_until=None)
    importing.run_import(job.pk)
    job.refresh_from_db()
    assert counts(job) == (8, 5, 0, 3, 0)
    assert Suppression.objects.count() == (0 if dry_run else 5)


def test_a_no_that_is_written_at_the_same_moment_stops_what_both_stop(api, club, monkeypatch):
    def nothing_known(self, rows):
        return {}

    take(api, "address,use_case\njoe@example.com,marketing\n")
    monkeypatch.setattr(SuppressionStore, "find", nothing_known)
    take(api, "address,use_case\njoe@example.com,general\n")
    assert Suppression.objects.get().use_case == ""


def test_an_end_that_is_written_at_the_same_moment_is_the_later_of_both(api, monkeypatch):
    monkeypatch.setattr(SuppressionStore, "find", lambda self, rows: {})
    for day in ("2090-01-01", "2091-01-01", "2089-01-01"):
        take(api, f"address,expires_at\njoe@example.com,{day}T00:00:00Z\n")
    assert Suppression.objects.get().expires_at == datetime(2091, 1, 1, tzinfo=UTC)


def test_a_repeated_list_with_the_same_key_is_one_import(api):
    answers = [
        api.generic("POST", IMPORT, "address\na@example.com\n", content_type="text/csv", HTTP_IDEMPOTENCY_KEY="one")
        for _ in range(2)
    ]
    assert answers[0].json()["uuid"] == answers[1].json()["uuid"]
    assert ImportJob.objects.count() == 1


def test_a_list_that_is_too_large_is_413(api, settings):
    settings.IMPORT_MAX_MB = 0
    assert send(api, "address\njoe@example.com\n").status_code == 413


def test_lists_are_imported_by_who_writes_and_into_their_own_organization(viewer, outsider, client, made, elsewhere):
    text = "address\njoe@example.com\n"
    assert send(client_of(viewer), text).status_code == 403
    assert send(client, text).status_code == 401
    assert take(outsider, text).created_count == 1
    assert Suppression.objects.for_organization(elsewhere).count() == 1
