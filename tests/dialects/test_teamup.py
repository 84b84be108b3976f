"""TeamUp's API: the numbers are those of its contract's acceptance checks."""

import json
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from broadcasts import consenting, drafting
from broadcasts.dialects.teamup.queries import ATTENDANCE, CUSTOMER
from broadcasts.models import (
    Activity,
    Attendance,
    Attribute,
    Broadcast,
    Channel,
    Delivery,
    Message,
    Place,
    Series,
    Template,
)
from broadcasts.models import MessageTranslation as Translation
from tests.api.described import document
from tests.make import make_broadcast, make_contact, make_contacts, make_token

from .conftest import InDialect, finish

URL = "/api/v2/communication/broadcast_messages"
KEYS = ["id", "message", "use_case", "sent_by", "is_sent", "sent_at", "scheduled_at", "recipient_counts"]
EVERYBODY = {"query": {}, "query_type": "customer"}


@pytest.fixture
def teamup(admin, mail, club) -> InDialect:
    club.default_subject = "News"
    club.save()
    return InDialect("teamup", make_token(admin))


def body(**fields):
    return {"message": "Hi", "use_case": "general", "target_recipients": EVERYBODY, **fields}


def target(kind="customer", **query):
    return body(target_recipients={"query": query, "query_type": kind})


def counts(response):
    return json.loads(response.json()["recipient_counts"])


def error(response):
    return response.status_code, response.json()["code"], sorted(response.json().get("field_errors", {}))


@pytest.mark.parametrize("url", [URL, URL.replace("/v2/", "/v2//"), f"{URL}/"])
def test_01_create_makes_a_draft_and_sends_nothing(teamup, club, url, server):
    make_contact(club)
    response = teamup.post(url, body())
    told = response.json()
    assert (response.status_code, list(told)) == (201, KEYS)
    assert (told["is_sent"], told["sent_at"], told["scheduled_at"], told["message"]) == (False, None, None, "Hi")
    finish()
    assert Delivery.objects.count() == 0


def test_02_a_key_by_two_schemes(teamup, admin):
    key = make_token(admin)
    anonymous = InDialect("teamup", "")
    for scheme in ("Bearer", "Token"):
        assert anonymous.post(URL, body(), headers={"Authorization": f"{scheme} {key}"}).status_code == 201
    assert error(anonymous.post(URL, body())) == (401, "not_authenticated", [])
    response = InDialect("teamup", "x").post(URL, body())
    assert error(response) == (401, "authentication_failed", [])
    assert response["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize(("query", "accept"), [("?format=xml", "*/*"), ("", "application/xml")])
def test_03_the_same_in_xml(teamup, query, accept):
    text = 'a < b & c "é"\x0b'
    response = teamup.post(URL + query, body(message=text), headers={"Accept": accept})
    assert response["Content-Type"] == "application/xml; charset=utf-8"
    root = ElementTree.fromstring(response.content)
    assert (root.tag, [child.tag for child in root]) == ("root", KEYS)
    assert (root.findtext("message"), root.findtext("is_sent"), root.findtext("sent_at")) == (text[:-1], "false", "")


def test_03_errors_and_lists_in_xml_too(teamup):
    root = ElementTree.fromstring(teamup.post(f"{URL}?format=xml", {}).content)
    assert (root.findtext("code"), bool(root.findtext("field_errors/message"))) == ("parameter_invalid", True)
    for _ in range(2):
        teamup.post(URL, body())
    assert len(ElementTree.fromstring(teamup.get(f"{URL}?format=xml").content).findall("results")) == 2
    assert teamup.get(f"{URL}?format=yaml").status_code == 404
    assert teamup.post(f"{URL}?format=yaml", body()).status_code == 404


def test_all_filters_are_in_the_document():
    paths = document("teamup")["paths"]
    for kind, known in (("customers", CUSTOMER), ("attendances", ATTENDANCE)):
        named = {one["name"] for one in paths[f"/api/v2/{kind}"]["get"]["parameters"]}
        assert named >= {*known, "page", "page_size", "fields", "expand"}


def test_04_fields_picks_the_keys(teamup):
    response = teamup.post(f"{URL}?fields=id, is_sent", body())
    assert list(response.json()) == ["id", "is_sent"]
    one = f"{URL}/{response.json()['id']}"
    assert list(teamup.get(f"{one}?fields=id&fields=is_sent").json()) == ["id", "is_sent"]
    assert ElementTree.fromstring(teamup.get(f"{one}?fields=id&format=xml").content)[0].tag == "id"
    assert teamup.post(f"{URL}?fields=nope", body()).json() == {}
    assert Broadcast.objects.count() == 2


def test_04_expand_makes_an_object_of_the_author(teamup, admin):
    told = teamup.post(f"{URL}?expand=sent_by&fields=sent_by.email", body()).json()
    assert told == {"sent_by": {"email": admin.user.email}}
    assert error(teamup.get(f"{URL}?expand=a.b.c.d.e")) == (400, "parameter_invalid", ["expand"])


FORM = {"message": "Hi", "use_case": "general"}
STYLES = [
    {"target_recipients": json.dumps(EVERYBODY)},
    {"target_recipients[query_type]": "customer", "target_recipients[query][ids]": "{ids}"},
    {"target_recipients.query_type": "customer", "target_recipients.query.ids": "{ids}"},
]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
def test_05_forms_in_three_spellings(teamup, club, style, kind):
    ids = ",".join(str(one.pk) for one in make_contacts(club, 2))
    given = FORM | {name: value.replace("{ids}", ids) for name, value in style.items()}
    response = teamup.form(URL, given, kind)
    assert (response.status_code, counts(response)["recipients"]) == (201, 2)


def test_05_the_target_is_an_object_in_json_and_a_text_in_a_form():
    content = document("teamup")["paths"][URL]["post"]["requestBody"]["content"]
    names = {kind: told["schema"]["$ref"].rpartition("/")[2] for kind, told in content.items()}
    parts = document("teamup")["components"]["schemas"]
    assert parts[names["multipart/form-data"]]["properties"]["target_recipients"]["type"] == "string"
    customer, attendance = parts[names["application/json"]]["properties"]["target_recipients"]["oneOf"]
    assert "ids" in customer["properties"]["query"]["properties"]
    assert "event" in attendance["properties"]["query"]["properties"]


def test_05_other_bodies_and_mixed_spellings(teamup):
    assert teamup.raw(URL, "x", "text/plain").status_code == 415
    assert teamup.raw(URL, "<a/>", "application/xml").status_code == 415
    mixed = FORM | STYLES[0] | {"target_recipients.query_type": "customer"}
    assert error(teamup.form(URL, mixed, "urlencoded")) == (400, "parameter_invalid", ["target_recipients"])


@pytest.mark.parametrize("text", ["", "  ", 5, None, "x" * 100_000])
def test_06_a_message_is_a_text_of_some_length(teamup, text):
    response = teamup.post(URL, body(message=text))
    assert error(response) == (400, "parameter_invalid", ["message"])
    assert response.json()["type"] == "invalid_request_error"


def test_07_each_wrong_field_is_named(teamup):
    assert error(teamup.post(URL, {"message": "Hi", "target_recipients": EVERYBODY}))[2] == ["use_case"]
    assert error(teamup.post(URL, body(use_case="promo", message="")))[2] == ["message", "use_case"]


@pytest.mark.parametrize(
    "wrong",
    [
        *(None, "x", []),
        *({"query_type": "customer"}, {"query": {}}),
        *({"query": {}, "query_type": "staff"}, {"query": [], "query_type": "customer"}),
    ],
)
def test_08_a_target_has_a_query_and_its_type(teamup, wrong):
    assert error(teamup.post(URL, body(target_recipients=wrong))) == (400, "parameter_invalid", ["target_recipients"])


def test_09_an_unknown_filter_is_refused_and_an_unknown_key_is_not(teamup):
    response = teamup.post(URL, target(agee_gte=3))
    [told] = response.json()["field_errors"]["target_recipients"]
    assert told.startswith("query.agee_gte: unknown; accepted: ids, query, ")
    assert Broadcast.objects.count() == 0
    assert teamup.post(URL, body(agee_gte=3)).status_code == 201


def test_10_customers_by_id(teamup, club, elsewhere):
    ids = [one.pk for one in make_contacts(club, 3)][:2]
    assert counts(teamup.post(URL, target(ids=ids)))["recipients"] == 2
    assert counts(teamup.post(URL, target(ids=",".join(map(str, ids)))))["recipients"] == 2
    told = [teamup.post(URL, target(ids=[pk])).json() for pk in (make_contact(elsewhere).pk, 999_999)]
    texts = [one["field_errors"]["target_recipients"][0].rpartition(" ")[0] for one in told]
    assert texts == ["query.ids: there is no contact"] * 2


def test_11_one_attendance_meets_all_filters(teamup, club):
    wanted, other = (
        Activity.objects.create(organization=club, name=name, starts_at=datetime(2030, 1, 1, tzinfo=UTC))
        for name in ("Yoga", "Judo")
    )
    came, booked = make_contact(club), make_contact(club)
    Attendance.objects.create(activity=wanted, contact=came, status="attended")
    Attendance.objects.create(activity=wanted, contact=booked, status="booked")
    Attendance.objects.create(activity=other, contact=booked, status="attended")
    query = {"event": [wanted.pk], "status": ["attended"], "event_starts_at_gte": "2029-12-31T00:00:00Z"}
    assert counts(teamup.post(URL, target("attendance", **query)))["recipients"] == 1
    assert counts(teamup.post(URL, target("attendance", **query, customer=[booked.pk])))["recipients"] == 0
    assert counts(teamup.post(URL, target("attendance")))["recipients"] == 2


def test_11_places_and_series_by_name_and_who_plans_to_come(teamup, club):
    hall = Place.objects.create(organization=club, name="Hall")
    mornings = Series.objects.create(organization=club, name="Mornings")
    yoga = Activity.objects.create(organization=club, name="Yoga", place=hall, series=mornings)
    Attendance.objects.create(activity=yoga, contact=make_contact(club), status="waitlisted")
    Attendance.objects.create(activity=yoga, contact=make_contact(club), status="late_cancelled")
    query = {"venue": ["Hall"], "offering_types": "Mornings", "status": ["plans_to_attend"]}
    assert counts(teamup.post(URL, target("attendance", **query)))["recipients"] == 1
    assert counts(teamup.post(URL, target("attendance", **query | {"venue": "Pool"})))["recipients"] == 0
    assert counts(teamup.post(URL, target("attendance", status="late_cancelled")))["recipients"] == 1
    assert len(teamup.get("/api/v2/attendances?venue=Hall").json()["results"]) == 2


def test_12_sent_once_to_each(teamup, club, server):
    make_contacts(club, 2)
    one = f"{URL}/{teamup.post(URL, body()).json()['id']}"
    told = teamup.post(f"{one}/send", {"whatever": 1}).json()
    assert (told["is_sent"], bool(told["sent_at"])) == (True, True)
    finish()
    assert counts(teamup.get(one)) == {
        "recipients": 2,
        "non_recipients": 0,
        "pending": 0,
        "sent": 2,
        "delivered": 0,
        "failed": 0,
    }
    response = teamup.post(f"{one}/send")
    assert (*error(response)[:2], response.json()["type"]) == (409, "conflict", "conflict")
    assert Delivery.objects.count() == 2


def test_13_a_draft_may_be_changed_and_what_was_sent_may_not(teamup, club, server):
    make_contact(club)
    one = f"{URL}/{teamup.post(URL, body()).json()['id']}"
    assert teamup.patch(one, {"message": "Bye", "is_sent": True}).json()["message"] == "Bye"
    assert teamup.get(one).json()["is_sent"] is False
    assert teamup.put(one, {"message": "Hi", "use_case": "marketing"}).json()["use_case"] == "marketing"
    assert error(teamup.put(one, {"message": "Hi"}))[2] == ["use_case"]
    teamup.post(f"{one}/send")
    assert teamup.patch(one, {"message": "Late"}).status_code == 409
    assert teamup.get(one).json()["message"] == "Hi"


def test_14_an_audience_of_nobody_stays_a_draft(teamup):
    one = f"{URL}/{teamup.post(URL, body()).json()['id']}"
    assert error(teamup.post(f"{one}/send")) == (400, "parameter_invalid", ["non_field_errors"])
    assert teamup.get(one).json()["is_sent"] is False


def test_14_without_a_channel_it_is_made_and_not_sent(teamup, club):
    make_contact(club)
    Channel.objects.all().delete()
    one = f"{URL}/{teamup.post(URL, body()).json()['id']}"
    assert error(teamup.post(f"{one}/send")) == (400, "parameter_invalid", ["non_field_errors"])


def test_15_headers_that_name_an_account(teamup, club, elsewhere):
    def ask(**headers):
        return teamup.get(URL, headers={name.replace("_", "-"): value for name, value in headers.items()})

    assert ask(Teamup_Request_Mode="customer").status_code == 403
    assert ask(Teamup_Request_Mode="wizard").status_code == 400
    assert ask(TeamUp_Provider_ID=str(elsewhere.pk)).status_code == 403
    assert ask(TeamUp_Provider_ID="?").status_code == 400
    for own in (club.pk, club.uuid, club.slug):
        assert ask(TeamUp_Provider_ID=str(own), Teamup_Request_Mode="provider").status_code == 200


def test_16_only_admins_and_only_their_own(teamup, sender, elsewhere):
    assert error(InDialect("teamup", make_token(sender)).post(URL, body())) == (403, "permission_denied", [])
    theirs = Broadcast.objects.create(organization=elsewhere, name="Theirs")
    one = f"{URL}/{theirs.pk}"
    found = [teamup.get(one), teamup.patch(one, {}), teamup.post(f"{one}/send"), teamup.get(f"{URL}/abc")]
    assert [response.status_code for response in found] == [404] * 4
    assert teamup.delete(one).status_code == 405


def test_17_pages_of_a_hundred(teamup, club):
    Broadcast.objects.bulk_create([Broadcast(organization=club, name=str(n)) for n in range(101)])
    first = teamup.get(URL).json()
    assert (first["count"], len(first["results"]), first["next"].startswith("http")) == (101, 100, True)
    second = teamup.get(first["next"].partition("testserver")[2]).json()
    assert (len(second["results"]), second["next"]) == (1, None)
    assert error(teamup.get(f"{URL}?page=3")) == (404, "not_found", [])


def test_18_marketing_leaves_out_who_opted_out_and_general_does_not(teamup, club, server):
    said_no = make_contact(club)
    make_contact(club)
    consenting.withdraw(said_no, "email", "marketing", source="page", evidence={})
    numbers = {}
    for use_case in ("marketing", "general"):
        one = f"{URL}/{teamup.post(URL, body(use_case=use_case)).json()['id']}"
        teamup.post(f"{one}/send")
        finish()
        told = counts(teamup.get(one))
        numbers[use_case] = (told["recipients"], told["non_recipients"], told["sent"])
    assert numbers == {"marketing": (1, 1, 1), "general": (2, 0, 2)}
    assert server.copies[said_no.email] == 1


def test_a_message_that_was_cancelled_before_its_time_was_not_sent(teamup, club, mail):
    make_contact(club)
    cancelled = make_broadcast(mail, status="CANCELLED", completed_at=datetime(2026, 5, 4, tzinfo=UTC))
    one = f"{URL}/{cancelled.pk}"
    told = teamup.get(one)
    assert (told.json()["is_sent"], set(counts(told).values())) == (False, {0})
    assert teamup.post(f"{one}/send").status_code == 409
    asked = teamup.get(f"/api/v2/customers?broadcast_message_recipients={cancelled.pk}")
    assert asked.json()["results"] == []


def test_19_more_than_250_in_a_minute(teamup, monkeypatch):
    monkeypatch.setattr("broadcasts.dialects.teamup.views.TeamUpPerUser.limit", 2)
    responses = [teamup.get(URL) for _ in range(3)]
    assert error(responses[-1]) == (429, "throttled", [])
    assert 0 < int(responses[-1]["Retry-After"]) <= 60


def test_20_the_same_idempotency_key_makes_one(teamup):
    told = [teamup.post(URL, body(), headers={"Idempotency-Key": "k"}).json()["id"] for _ in range(2)]
    assert told[0] == told[1]


def test_a_message_is_plain_text(teamup, club, server):
    make_contact(club)
    one = teamup.post(URL, body(message="{{ contact.name }} @contact %")).json()["id"]
    teamup.post(f"{URL}/{one}/send")
    finish()
    assert Translation.objects.get(message__broadcast=one).text == "{{ contact.name }} @contact %"
    assert Message.objects.get(broadcast=one).syntax == "plain"
    assert Delivery.objects.get().status == "sent"


def test_customers_are_filtered_as_a_target_is(teamup, club):
    ada = make_contact(club, full_name="Ada King Lovelace", attributes={"age": 36, "status": "gold"})
    make_contact(club, full_name="Bo", attributes={"age": 20})
    make_contact(club, full_name="Old", status="archived")
    Attribute.register(club, {"age": 1, "status": "x"})
    listed = teamup.get("/api/v2/customers").json()
    assert [one["first_name"] for one in listed["results"]] == ["Ada", "Bo"]
    for query in ("age_gte=30", "query=lovel", "autocomplete=Lov", "status=gold", f"ids={ada.pk}"):
        found = teamup.get(f"/api/v2/customers?{query}").json()["results"]
        assert [one["id"] for one in found] == [ada.pk], query
    assert [one["first_name"] for one in teamup.get("/api/v2/customers?deleted=true").json()["results"]] == ["Old"]
    assert error(teamup.get("/api/v2/customers?age_gte=x")) == (400, "parameter_invalid", ["age_gte"])
    assert error(teamup.get("/api/v2/customers?foo=x")) == (400, "parameter_invalid", ["foo"])
    one = teamup.get(f"/api/v2/customers/{ada.pk}?expand=sms_account").json()
    assert (one["last_name"], one["sms_account"]) == ("King Lovelace", None)


def test_attendances_are_listed_by_the_same_filters(teamup, club, elsewhere):
    activity = Activity.objects.create(organization=club, name="Yoga", starts_at=datetime(2030, 1, 1, tzinfo=UTC))
    contact = make_contact(club)
    made = Attendance.objects.create(activity=activity, contact=contact, status="booked")
    theirs = Activity.objects.create(organization=elsewhere, name="Theirs")
    Attendance.objects.create(activity=theirs, contact=make_contact(elsewhere))
    [row] = teamup.get("/api/v2/attendances?expand=event").json()["results"]
    assert (row["id"], row["customer"], row["event"]["name"], row["status"]) == (
        *(made.pk, contact.pk, "Yoga"),
        "registered",
    )
    for query in ("status=attended", "event_starts_at_gte=2030-01-02T00:00:00Z"):
        assert teamup.get(f"/api/v2/attendances?{query}").json()["results"] == []
    assert error(teamup.get("/api/v2/attendances?event_starts_at_gte=x"))[2] == ["event_starts_at_gte"]


def test_a_list_costs_the_same_queries_at_any_length(teamup, django_assert_num_queries):
    teamup.post(URL, body())
    teamup.get(URL)
    with django_assert_num_queries(6):
        teamup.get(URL)
    for _ in range(3):
        teamup.post(URL, body())
    with django_assert_num_queries(6):
        assert len(teamup.get(URL).json()["results"]) == 4


@pytest.mark.parametrize(
    "key",
    ["target_recipients[", "target_recipients[query]x", "target_recipients[query][a][b][c]", "target_recipients."],
)
def test_odd_keys_of_a_form_are_refused(teamup, key):
    assert error(teamup.form(URL, FORM | {key: "x"}, "urlencoded"))[2] == ["target_recipients"]


def test_odd_parameters_and_names_break_nothing(teamup):
    assert error(teamup.get(f"{URL}?expand={'.'.join('a' * 1_500)}"))[2] == ["expand"]
    odd = json.dumps({"query": {"query": "a\0", "sort": "\0"}, "query_type": "customer"})
    assert error(teamup.form(URL, FORM | {"target_recipients": odd}, "urlencoded"))[2] == ["target_recipients"]
    root = ElementTree.fromstring(teamup.get("/api/v2/customers?format=xml&a><b=1").content)
    assert root.findtext("field_errors/a__b")


def listed(teamup, query, of="customers"):
    return [row["id"] for row in teamup.get(f"/api/v2/{of}?{query}").json()["results"]]


def test_customers_who_will_get_a_message_and_who_is_left_out_of_it(teamup, club, server):
    ada, mute, other = make_contact(club), make_contact(club, ""), make_contact(club)
    one = teamup.post(URL, target(ids=[ada.pk, mute.pk])).json()["id"]
    got, missed = (f"broadcast_message_{who}={one}" for who in ("recipients", "non_recipients"))
    assert (listed(teamup, got), listed(teamup, missed)) == ([ada.pk], [mute.pk])
    teamup.post(f"{URL}/{one}/send")
    finish()
    assert (listed(teamup, got), listed(teamup, missed)) == ([ada.pk], [mute.pk])
    told = teamup.post(URL, target(broadcast_message_recipients=one))
    assert (counts(told)["recipients"], other.pk in listed(teamup, got)) == (1, False)


def test_a_message_of_somebody_else_is_no_filter(teamup, elsewhere):
    theirs = Broadcast.objects.create(organization=elsewhere, name="Theirs")
    refused = teamup.get(f"/api/v2/customers?broadcast_message_recipients={theirs.pk}")
    assert error(refused)[2] == ["broadcast_message_recipients"]


def test_venues_and_offering_types_have_ids(teamup, club, elsewhere):
    hall, gym = (Place.objects.create(organization=club, name=name) for name in ("Hall", "Gym"))
    mornings = Series.objects.create(organization=club, name="Mornings")
    theirs = Place.objects.create(organization=elsewhere, name="Hall")
    yoga = Activity.objects.create(organization=club, name="Yoga", place=hall, series=mornings)
    made = Attendance.objects.create(activity=yoga, contact=make_contact(club))
    query = f"venue={hall.pk},{gym.pk}&offering_types={mornings.pk}"
    [row] = teamup.get(f"/api/v2/attendances?{query}&expand=event.venue").json()["results"]
    assert (row["id"], row["event"]["offering_type"]) == (made.pk, mornings.pk)
    assert row["event"]["venue"] == {"id": hall.pk, "object": "venue", "name": "Hall"}
    assert listed(teamup, f"venue={gym.pk}", "attendances") == []
    assert counts(teamup.post(URL, target("attendance", venue=[hall.pk])))["recipients"] == 1
    assert error(teamup.get(f"/api/v2/attendances?venue={theirs.pk}"))[2] == ["venue"]
    [told] = teamup.post(URL, target("attendance", venue=[theirs.pk])).json()["field_errors"]["target_recipients"]
    assert told.endswith(f"there is no place {theirs.pk}")


def test_a_target_counts_the_start_of_an_event_as_the_list_does(teamup, club):
    yoga = Activity.objects.create(organization=club, name="Yoga", starts_at=datetime(2030, 1, 1, 12, tzinfo=UTC))
    late = datetime(2030, 2, 1, tzinfo=UTC)
    Attendance.objects.create(activity=yoga, contact=make_contact(club), at=late)
    for query, found in (("2030-01-01", 1), ("2030-01-01T11:00:00Z", 0), ("2029-12-31", 0)):
        assert len(listed(teamup, f"event_starts_at_lte={query}", "attendances")) == found, query
        told = teamup.post(URL, target("attendance", event_starts_at_lte=query))
        assert counts(told)["recipients"] == found, query


def test_the_same_start_asked_for_twice_is_refused(teamup):
    query = {"event_starts_at_gte": "2030-01-01", "event_local_starts_at_gte": "2031-01-01"}
    [told] = teamup.post(URL, target("attendance", **query)).json()["field_errors"]["target_recipients"]
    assert told.startswith("query.event_local_starts_at_gte: given twice")


def test_years_of_age_end_on_the_organizations_day(teamup, club, monkeypatch):
    club.time_zone = "Pacific/Auckland"
    club.save()
    Attribute.register(club, {"date_of_birth": "2000-03-02"})
    born = make_contact(club, attributes={"date_of_birth": "2000-03-02"})
    now = datetime(2018, 3, 1, 12, tzinfo=UTC)  # there it is the 2nd already
    monkeypatch.setattr("broadcasts.dialects.teamup.queries.timezone.now", lambda: now)
    assert listed(teamup, "age_gte=18") == [born.pk]


def test_a_message_written_anew_has_nothing_of_a_fixed_design_left(teamup, club):
    template = Template.objects.create(organization=club, name="News", is_fixed=True)
    template.translations.create(language="en", format="blocks", blocks=[{"type": "text", "html": "<p>Old</p>"}])
    broadcast = drafting.save(Broadcast(organization=club), {"messages": [{"template": template}]})
    assert "Old" in Translation.objects.get(message__broadcast=broadcast).html

    assert teamup.patch(f"{URL}/{broadcast.pk}", {"message": "Bye"}).status_code == 200
    said = Translation.objects.get(message__broadcast=broadcast)
    assert (said.text, said.html, said.blocks) == ("Bye", "", [])
