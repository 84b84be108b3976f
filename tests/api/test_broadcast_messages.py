"""The messages of a broadcast in the API: channels, languages and content."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts.models import Broadcast
from broadcasts.sending.readiness import BLANK

from .conftest import URL


def test_a_wrong_template_in_a_message_is_told_with_its_path(api):
    messages = [{"translations": {"en": {"subject": "s", "text": "b"}, "es": {"subject": "s", "text": "{{ oops }}"}}}]
    answer = api.post(URL, {"query": {}, "messages": messages})
    assert answer.status_code == 400
    [message] = answer.json()["messages"]
    assert message.startswith("0.translations.es.text: ")


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
