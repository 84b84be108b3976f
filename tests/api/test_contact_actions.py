import csv
import json
from io import BytesIO, StringIO

import pytest

from broadcasts.importing import import_contacts
from broadcasts.models import AuditEntry, Contact, Suppression
from tests.make import make_broadcast, make_contact, make_delivery

from .conftest import client_of

URL = "/api/contacts/"
ACTIONS = [("get", "data/"), ("post", "merge/"), ("post", "erase/")]


@pytest.fixture
def joe(api, club):
    return make_contact(club, "joe@example.com", full_name="Joe", language="es", attributes={"plan": "pro"})


def rows(answer) -> list[dict[str, str]]:
    assert answer.status_code == 200
    return list(csv.DictReader(StringIO(b"".join(answer.streaming_content).decode())))


@pytest.mark.parametrize("ask", [{"HTTP_ACCEPT": "text/csv"}, {"QUERY_STRING": "format=csv"}])
def test_contacts_are_exported_as_csv(api, joe, ask, admin):
    answer = api.get(URL, **ask)
    assert answer["Content-Disposition"] == 'attachment; filename="contacts.csv"'
    [row] = rows(answer)
    assert (row["full_name"], row["attributes.plan"], row["contact.uuid"]) == ("Joe", "pro", str(joe.uuid))
    assert AuditEntry.objects.get(act="export contacts").user == admin.user


def test_an_export_takes_any_filter_and_refuses_a_wrong_one(api, joe, club):
    make_contact(club, full_name="Ann")
    answer = api.get(URL, {"query": json.dumps({"attributes__plan": "pro"}), "format": "csv"})
    assert [row["full_name"] for row in rows(answer)] == ["Joe"]
    refused = api.get(URL, {"colour": "red", "format": "csv"})
    assert (refused.status_code, list(json.loads(refused.content))) == (400, ["colour"])


def test_an_export_costs_few_queries(api, joe, django_assert_max_num_queries):
    with django_assert_max_num_queries(9):
        rows(api.get(URL, {"format": "csv"}))


def test_what_was_exported_can_be_imported_again(api, club):
    known = {"note": "=1+1", "score": -1.5, "level": -3, "vip": True, "tags": ["a", "b"], "joined": "2026-01-31"}
    make_contact(
        *(club, "-joe@example.com"),
        full_name="'-Joe, “J”",
        phone="+34600000001",
        external_id="'=A1",
        language="pt-BR",
        time_zone="Europe/Madrid",
        attributes=known,
    )
    before = Contact.objects.values().get()
    text = b"".join(api.get(URL, {"format": "csv"}).streaming_content)
    assert not any(cell.startswith(("=", "@")) for row in csv.reader(StringIO(text.decode())) for cell in row)
    Contact.objects.all().delete()
    import_contacts(club, BytesIO(text))
    after = Contact.objects.values().get()
    same = set(before) - {"id", "uuid", "created", "modified"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_one_persons_data_is_a_file_and_noted(api, joe, mail):
    make_delivery(make_broadcast(mail), joe)
    answer = api.get(f"{URL}{joe.uuid}/data/")
    assert answer["Content-Disposition"] == f'attachment; filename="contact-{joe.uuid}.json"'
    data = json.loads(b"".join(answer.streaming_content))
    assert (data["profile"]["email"], len(data["deliveries"])) == ("joe@example.com", 1)
    assert AuditEntry.objects.filter(act="export data", object_id=joe.pk).exists()


def test_a_person_is_erased(api, joe, mail):
    delivery = make_delivery(make_broadcast(mail), joe)
    assert api.post(f"{URL}{joe.uuid}/erase/").status_code == 204
    delivery.refresh_from_db()
    assert (delivery.contact, delivery.address) == (None, "")
    assert api.get(f"{URL}{joe.uuid}/").status_code == 404
    assert Suppression.objects.filter(reason="erased", address="").exists()


def test_contacts_are_merged(api, joe, club):
    twin = make_contact(club, "", phone="+34600000001")
    answer = api.post(f"{URL}{joe.uuid}/merge/", {"contacts": [str(twin.uuid)]})
    assert (answer.status_code, answer.json()["phone"]) == (200, "+34600000001")
    assert Contact.objects.count() == 1


@pytest.mark.parametrize("contacts", [None, "x", [], ["x"], ["self"], ["elsewhere"], ["0" * 32]])
def test_a_merge_that_cannot_be_is_400(api, joe, elsewhere, contacts):
    known = {"self": str(joe.uuid), "elsewhere": str(make_contact(elsewhere).uuid)}
    body = {} if contacts is None else {"contacts": [known.get(one, one) for one in contacts]}
    answer = api.post(f"{URL}{joe.uuid}/merge/", body)
    assert (answer.status_code, list(answer.json())) == (400, ["contacts"])


@pytest.mark.parametrize(("method", "path"), ACTIONS)
def test_only_admins_act_on_people_and_only_on_their_own(joe, sender, outsider, client, method, path):
    url = f"{URL}{joe.uuid}/{path}"
    assert getattr(client_of(sender), method)(url).status_code == 403
    assert getattr(outsider, method)(url).status_code == 404
    assert getattr(client, method)(url).status_code == 401
    assert Contact.objects.filter(pk=joe.pk).exists()
