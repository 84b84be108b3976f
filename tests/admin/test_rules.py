"""The builder of rules: its field, and what it asks the server for."""

import json
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from broadcasts.admin import rules
from broadcasts.admin.patience import TooSlow, at_most
from broadcasts.models import Attribute, Segment
from tests.make import make_contact, make_contacts

from .conftest import sign_in

ADD = "admin:broadcasts_segment_add"
SAMPLE = "admin:broadcasts_segment_sample"


def sample(user, club, given, **fields):
    text = given if isinstance(given, str) else json.dumps(given)
    return sign_in(user).post(reverse(SAMPLE), {"organization": club.pk, "rules": text, **fields})


def test_people_are_counted_and_some_of_them_shown(viewer, club):
    make_contacts(club, 12, language="es")
    ana = make_contact(club, "ana@example.com", full_name="Ana", language="fr")
    answer = sample(viewer.user, club, {"language": "es"}).json()
    assert (answer["count"], len(answer["people"])) == (12, 10)
    page = reverse("admin:broadcasts_contact_change", args=[ana.pk])
    people = sample(viewer.user, club, {"language": "fr"}).json()["people"]
    assert people == [{"name": "Ana", "address": "ana@example.com", "url": page}]


def test_people_are_asked_for_once_and_counted_once(viewer, club):
    make_contacts(club, 11)
    with CaptureQueriesContext(connection) as asked:
        sample(viewer.user, club, {"all_users": True})
    contacts = [query["sql"] for query in asked if 'FROM "broadcasts_contact"' in query["sql"]]
    assert len(contacts) == 2


@pytest.mark.parametrize(
    ("given", "path", "said"),
    [
        ("{", "", "not JSON"),
        ("[" * 100_000, "", "not JSON"),
        ("[]", "", "must be an object"),
        ({"all": [{"language": "es"}, {"language": "!"}]}, ".all[1].language", "is not a language"),
        ({"not": {"colour": 1}}, ".not.colour", "unknown; accepted"),
        ({"attendance": {"at_least": 0}}, ".attendance.at_least", "whole number"),
        ({"attributes__plan'": "x"}, ".attributes__plan'", "no such attribute"),
        ({"search": "\0"}, ".search", "characters"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(viewer, club, given, path, said):
    answer = sample(viewer.user, club, given)
    assert answer.status_code == 400
    assert answer.json()["path"] == path
    assert said in answer.json()["message"]


def test_rules_that_lead_back_to_their_own_segment_are_refused(viewer, club):
    segment = Segment.objects.create(organization=club, name="Round", rules={"language": "es"})
    own = {"segment": str(segment.uuid)}
    assert sample(viewer.user, club, own).status_code == 200
    answer = sample(viewer.user, club, own, segment=segment.pk)
    assert (answer.status_code, answer.json()["path"]) == (400, ".segment")


@pytest.mark.parametrize("name", ["catalogue", "suggest", "sample"])
def test_another_organization_is_not_there(stranger, club, name):
    client = sign_in(stranger.user)
    for organization in (club.pk, "", "x", "9" * 30, "²"):
        data = {"organization": organization, "rules": "{}", "of": "language"}
        address = reverse(f"admin:broadcasts_segment_{name}")
        answer = client.post(address, data) if name == "sample" else client.get(address, data)
        assert answer.status_code == 404


def test_a_sample_is_asked_for_by_post_and_signed_in(viewer, club, client):
    assert sign_in(viewer.user).get(reverse(SAMPLE), {"organization": club.pk}).status_code == 405
    assert client.post(reverse(SAMPLE), {"organization": club.pk, "rules": "{}"}).status_code == 302


def test_people_elsewhere_are_never_counted(stranger, elsewhere, club):
    make_contacts(club, 2)
    assert sample(stranger.user, elsewhere, {"all_users": True}).json() == {"count": 0, "people": []}


def test_a_count_that_takes_too_long_is_not_told(viewer, club, monkeypatch):
    make_contacts(club, 11)
    people = rules.Contact.objects.for_organization(club)

    class Slow:
        def only(self, *fields):
            return people

        def count(self):
            raise TooSlow

    monkeypatch.setattr(rules.audience, "compile_query", lambda *given, of_all: Slow())
    answer = sample(viewer.user, club, {"all_users": True}).json()
    assert (answer["count"], len(answer["people"])) == (None, 10)


def test_a_query_is_given_up_after_its_time(db):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"
    began = time.monotonic()
    with pytest.raises(TooSlow), at_most(0.05), connection.cursor() as cursor:
        cursor.execute(endless)
    assert time.monotonic() - began < 30
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_the_catalogue_tells_what_rules_are_made_of(viewer, club):
    Attribute.objects.create(organization=club, key="plan", label="Plan")
    address = reverse("admin:broadcasts_segment_catalogue")
    fields = sign_in(viewer.user).get(address, {"organization": club.pk}).json()["fields"]
    plan = next(field for field in fields if field["key"] == "attributes__plan")
    assert plan["operators"][0]["input"]["suggest"] == "attributes__plan"


def test_values_and_people_are_suggested(viewer, club):
    ana = make_contact(club, "ana@example.com", full_name="Ana", language="es")
    client, address = sign_in(viewer.user), reverse("admin:broadcasts_segment_suggest")

    def found(**params):
        return client.get(address, {"organization": club.pk, **params}).json()["found"]

    assert found(of="language", text="E") == [{"value": "es", "label": "Spanish · español"}]
    assert found(of="contact", text="ana@") == [{"value": str(ana.uuid), "label": "Ana <ana@example.com>"}]
    assert found(of="contact", text=str(ana.uuid))[0]["label"] == "Ana <ana@example.com>"
    assert found(of="nothing", text="\0") == []


def form(club, rules, **fields):
    return {"organization": club.pk, "name": "Spanish", "kind": "dynamic", "rules": rules, **fields}


def test_the_field_says_where_the_builder_asks(author, club):
    segment = Segment.objects.create(organization=club, name="Spanish", rules={"language": "es"})
    text = sign_in(author.user).get(reverse("admin:broadcasts_segment_change", args=[segment.pk])).content.decode()
    assert f'data-organization="{club.pk}"' in text
    assert f'data-segment="{segment.pk}"' in text
    assert f'data-rules-sample="{reverse(SAMPLE)}"' in text
    assert 'broadcasts/builder.js" type="module"' in text


def test_what_is_saved_is_counted(author, club):
    make_contact(club, language="es")
    sign_in(author.user).post(reverse(ADD), form(club, '{"language": "es"}'))
    segment = Segment.objects.get()
    assert (segment.rules, segment.contacts_count) == ({"language": "es"}, 1)


@pytest.mark.parametrize("rules", ["{", "[]", "3", "[" * 100_000, '{"language": NaN}', '{"colour": 1}'])
def test_wrong_rules_are_told_at_their_field(author, club, rules):
    answer = sign_in(author.user).post(reverse(ADD), form(club, rules))
    assert list(answer.context["adminform"].form.errors) == ["rules"]


@pytest.mark.parametrize("kind", ["dynamic", "static"])
def test_blank_rules_are_none(author, club, kind):
    sign_in(author.user).post(reverse(ADD), form(club, "", kind=kind))
    assert Segment.objects.get().rules == {}
