"""How many recipients lack a value that the content names, and who they are."""

import pytest

from broadcasts.models import MessageTranslation
from tests.make import make_broadcast, make_contact

from .conftest import URL, client_of


@pytest.fixture
def draft(club, mail):
    make_contact(club, "ann@example.com", full_name="Ann Lee", attributes={"plan": "gold"})
    make_contact(club, "bob@example.com", full_name="", attributes={"plan": ""})
    make_contact(club, "", full_name="")  # whom no mail reaches
    return make_broadcast(
        mail, subject="Hi {{ contact.first_name }}", body="Your plan: {{ contact.plan }}", send_to_all=True
    )


def lacking(api, broadcast):
    answer = api.get(f"{URL}{broadcast.uuid}/lacking/")
    assert answer.status_code == 200, answer.json()
    told = answer.json()
    return told["recipients"], {one["name"]: one["count"] for one in told["fields"]}


def test_each_field_has_its_count_of_recipients(api, draft):
    assert lacking(api, draft) == (2, {"contact.first_name": 1, "contact.attributes.plan": 1})


def test_the_filter_lists_the_same_people(api, draft):
    found = api.get("/api/contacts/", {"recipient_of": str(draft.uuid), "lacks": "contact.first_name"})
    assert [one["email"] for one in found.json()] == ["bob@example.com"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{{ contact.name | default: "friend" }}', []),
        ('{{ contact.name | default: "" }}', ["contact.name"]),
        ("{% if contact.name %}{{ contact.name }}{% endif %}", []),
        ("{% if contact.email %}{{ contact.name }}{% endif %}", ["contact.name"]),
        ("{% for tag in contact.plan %}{{ tag }}{% endfor %}", []),
        ("{% assign who = contact.name | upcase %}{{ who }}", ["contact.name"]),
        ("{{ organization.name }} {{ contact.uuid }}", []),
    ],
)
def test_a_field_with_a_default_or_a_condition_needs_no_value(api, draft, text, names):
    MessageTranslation.objects.update(subject="Hi", text=text)
    assert list(lacking(api, draft)[1]) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@contact.first_name of @fields.plan", ["contact.first_name", "contact.attributes.plan"]),
        ('@(default(contact.name, "friend"))', []),
        ('@(default(contact.name, ""))', ["contact.name"]),
        ('@(if(fields.plan = "gold", fields.plan, "none"))', []),
        ("@(upper(contact.name))", ["contact.name"]),
    ],
)
def test_expressions_are_read_too(api, draft, text, names):
    draft.messages.update(syntax="expressions")
    MessageTranslation.objects.update(subject="Hi", text=text)
    assert list(lacking(api, draft)[1]) == names


def test_fields_of_blocks_slots_and_all_languages_count(api, club, draft):
    blocks = [{"type": "text", "html": "<p>Default</p>", "slot": "intro"}]
    content = {
        "subject": "Hola",
        "format": "blocks",
        "blocks": blocks,
        "slots": {"intro": "<p>{{ contact.phone }}</p>"},
    }
    made = api.post(URL, {"send_to_all": True, "messages": [{"translations": {"en": content, "es": content}}]}).json()
    fields = api.get(f"{URL}{made['uuid']}/lacking/").json()["fields"]
    assert fields == [{"name": "contact.phone", "label": "Phone number", "count": 2, "places": ["en.html", "es.html"]}]


def test_however_many_fields_there_are_people_are_counted_at_once(api, draft, django_assert_max_num_queries):
    text = "{{ contact.email }} {{ contact.phone }} {{ contact.language }} {{ contact.external_id }}"
    MessageTranslation.objects.update(text=text)
    with django_assert_max_num_queries(22):
        assert len(lacking(api, draft)[1]) == 5


def test_lacking_needs_a_token_and_is_told_of_own_broadcasts_only(api, client, outsider, viewer, draft):
    path = f"{URL}{draft.uuid}/lacking/"
    assert client.get(path).status_code == 401
    assert outsider.get(path).status_code == 404
    assert client_of(viewer).get(path).status_code == 200
