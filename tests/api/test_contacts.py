import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from broadcasts.models import Attribute, Contact, Delivery, Segment
from tests.make import make_broadcast, make_contact, make_contacts

from .conftest import client_of

URL = "/api/contacts/"


def test_a_contact_is_added_clean_and_shown_whole(api):
    body = {"full_name": "Ann", "email": "Ann@EXAMPLE.com", "phone": "600 000 001", "language": "pt_br"}
    answer = api.post(URL, {**body, "attributes": {"plan": "pro", "joined": "2026-01-01"}})
    assert answer.status_code == 201
    made = answer.json()
    assert list(made) == [
        *("uuid", "id", "created", "modified", "full_name", "email", "phone", "whatsapp_id", "external_id"),
        *("language", "time_zone", "attributes", "status", "last_seen_at", "no_tracking"),
    ]
    assert (made["phone"], made["language"], made["status"]) == ("+34600000001", "pt-BR", "active")
    assert dict(Attribute.objects.values_list("key", "type")) == {"plan": "text", "joined": "date"}


def test_moments_among_attributes_are_stored_in_utc_so_that_rules_compare_them(api, club):
    Attribute.objects.create(organization=club, key="said", type="text")
    moment = "2026-05-01T10:00:00+02:00"
    made = api.post(URL, {"email": "ann@example.com", "attributes": {"renewed": moment, "said": moment}}).json()
    assert made["attributes"] == {"renewed": "2026-05-01T08:00:00+00:00", "said": moment}
    assert len(api.get(URL, {"attributes__renewed__lt": "2026-05-01T08:30:00Z"}).json()) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "joe"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"language": "?"}, "language"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"status": "gone"}, "status"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"Bad key": 1}}, "attributes"),
        ({"attributes": {"plan": {"deep": 1}}}, "attributes"),
        ({"attributes": {"plan": "\x00"}}, "attributes"),
        ({"full_name": "x" * 256}, "full_name"),
    ],
)
def test_wrong_values_are_told_by_field(api, body, field):
    answer = api.post(URL, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])


@pytest.mark.parametrize(
    "body", [{"email": "ANN@example.com"}, {"phone": "+34600000001"}, {"external_id": "7"}, {"whatsapp_id": "w"}]
)
def test_two_contacts_cannot_share_an_address(api, club, body):
    make_contact(club, email="ann@example.com", phone="+34600000001", external_id="7", whatsapp_id="w")
    answer = api.post(URL, body)
    assert (answer.status_code, list(answer.json())) == (400, list(body))


def test_addresses_may_repeat_in_another_organization(api, elsewhere):
    make_contact(elsewhere, email="ann@example.com")
    assert api.post(URL, {"email": "ann@example.com"}).status_code == 201


def test_a_contact_is_changed_and_what_changes_nothing_writes_nothing(api, club):
    contact = make_contact(club, language="es")
    path = f"{URL}{contact.uuid}/"
    changed = api.patch(path, {"email": "new@example.com"}).json()
    assert (changed["email"], changed["language"]) == ("new@example.com", "es")
    assert Contact.objects.get().email_key == "new@example.com"
    assert api.patch(path, {"email": "new@example.com"}).json() == changed


def test_a_deleted_contact_stays_in_the_log(api, mail):
    contact = make_contact(mail.organization)
    message = make_broadcast(mail).messages.get()
    Delivery.objects.create(message=message, contact=contact, address=contact.email, status="sent")
    assert api.delete(f"{URL}{contact.uuid}/").status_code == 204
    assert Delivery.objects.get().contact is None


def test_deleting_a_contact_is_an_admins_as_in_the_admin(author, sender, club):
    contact = make_contact(club)
    assert {client_of(who).delete(f"{URL}{contact.uuid}/").status_code for who in (author, sender)} == {403}
    assert Contact.objects.filter(pk=contact.pk).exists()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_contacts_of_others_are_404(outsider, club, method):
    assert getattr(outsider, method)(f"{URL}{make_contact(club).uuid}/", {}).status_code == 404
    assert outsider.get(URL).json() == []


def test_contacts_are_filtered_like_an_audience(api, club):
    spanish = make_contact(club, language="es", attributes={"plan": "pro"})
    make_contact(club, language="en")
    for asked in ({"language": "es"}, {"attributes__plan": "pro"}, {"email": spanish.email.upper()}):
        assert [row["uuid"] for row in api.get(URL, asked).json()] == [str(spanish.uuid)]


def test_an_unknown_filter_is_400(api):
    answer = api.get(URL, {"langage": "es"})
    assert (answer.status_code, list(answer.json())) == (400, ["langage"])


def test_contacts_are_listed_in_few_queries(api, club, django_assert_max_num_queries):
    people = make_contacts(club, 12)
    with django_assert_max_num_queries(5):
        answer = api.get(URL)
    assert answer["X-Result-Count"] == "12"
    assert answer.json()[0]["uuid"] == str(people[-1].uuid)
    assert api.get(URL, {"o": "full_name", "field": "id"}).json()


def test_a_viewer_reads_contacts_only(viewer, club):
    contact = make_contact(club)
    client = client_of(viewer)
    assert client.get(f"{URL}{contact.uuid}/").status_code == 200
    assert client.post(URL, {}).status_code == client.delete(f"{URL}{contact.uuid}/").status_code == 403


def test_a_percent_sign_in_a_wrong_value_is_told_as_it_is(api):
    answer = api.get(URL, {"language": "%s"})
    assert answer.status_code == 400
    assert "%s" in answer.json()["language"][0]


@pytest.mark.parametrize("of", ["list", "members"])
def test_whom_a_draft_reaches_is_counted_for_all_contacts_at_once(api, club, mail, of):
    make_contact(club)
    draft = make_broadcast(mail)
    segment = Segment.objects.create(organization=club, name="Them", rules={"recipient_of": str(draft.uuid)})
    urls = {"list": f"{URL}?recipient_of={draft.uuid}", "members": f"/api/segments/{segment.uuid}/members/"}
    with CaptureQueriesContext(connection) as captured:
        answer = api.get(urls[of])
    assert (answer.headers["X-Result-Count"], len(answer.json())) == ("1", 1)
    counting = [query["sql"] for query in captured if "COUNT(*)" in query["sql"]]
    assert counting and not any('= ("broadcasts_contact".' in sql for sql in counting)
