import pytest

from broadcasts.models import Message, Template
from tests.make import make_broadcast

from . import conftest

URL = "/api/templates/"
CONTENT = {"subject": "Hi", "preheader": "", "text": "Hello", "html": "", "attachments": [], "quick_replies": []}
CONTENT |= {"parameters": {}, "format": "html", "source": "", "blocks": [], "slots": {}}


@pytest.fixture
def greeting(api):
    answer = api.post(URL, {"name": "Greeting", "translations": {"en": {"subject": "Hi", "text": "Hello"}}})
    assert answer.status_code == 201
    return answer.json()


def test_a_template_is_shown_whole(greeting):
    assert list(greeting) == [
        *("uuid", "id", "created", "modified", "name", "medium", "channel", "syntax", "layout", "is_fixed"),
        *("translations", "stored", "warnings"),
    ]
    assert greeting["translations"] == {"en": CONTENT}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "GREETING", "translations": {"en": {}}}, "name"),
        ({"name": "x"}, "translations"),
        ({"name": "x", "translations": {"en": {"text": "{{ oops }}"}}}, "translations"),
        ({"name": "x", "translations": {"?": {"text": "x"}}}, "translations"),
        ({"name": "x", "translations": {"en": {}}, "channel": "x"}, "channel"),
    ],
)
def test_wrong_templates_are_refused(api, greeting, body, field):
    answer = api.post(URL, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_translations_are_replaced_and_what_changes_nothing_writes_nothing(api, greeting):
    path = f"{URL}{greeting['uuid']}/"
    assert api.put(path, greeting).json() == greeting
    changed = api.patch(path, {"translations": {"es": {"text": "Hola"}}}).json()
    assert list(changed["translations"]) == ["es"]
    assert changed["modified"] > greeting["modified"]


def test_a_message_takes_a_copy_of_a_template(api, greeting, mail):
    body = {"query": {}, "messages": [{"template": greeting["uuid"]}]}
    made = api.post(conftest.URL, body).json()
    assert made["messages"][0]["template"] == {"uuid": greeting["uuid"], "name": "Greeting"}
    assert made["messages"][0]["translations"] == {"en": CONTENT}


def test_a_template_in_use_is_not_deleted(api, greeting, mail):
    make_broadcast(mail)
    Message.objects.update(template=Template.objects.get())
    answer = api.delete(f"{URL}{greeting['uuid']}/")
    assert answer.status_code == 409
    assert "in use" in answer.json()["detail"]
    Message.objects.update(template=None)
    assert api.delete(f"{URL}{greeting['uuid']}/").status_code == 204


def test_templates_of_others_are_404(outsider, greeting):
    assert outsider.get(f"{URL}{greeting['uuid']}/").status_code == 404
    assert outsider.patch(f"{URL}{greeting['uuid']}/", {}).status_code == 404
    assert outsider.get(URL).json() == []


def test_templates_are_listed_in_few_queries(api, greeting, django_assert_max_num_queries):
    for n in range(8):
        api.post(URL, {"name": f"{n}", "translations": {"en": {"text": "x"}}})
    with django_assert_max_num_queries(5):
        assert len(api.get(URL).json()) == 9


def test_a_viewer_does_not_write_templates(viewer, greeting):
    assert conftest.client_of(viewer).delete(f"{URL}{greeting['uuid']}/").status_code == 403
