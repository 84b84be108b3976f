"""A broadcast with wrong expressions is accepted, and tells which they are."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.make import make_broadcast

from .conftest import URL

WRONG = "en.text: line 1, column 10: contact.nme is not known; did you mean contact.name?"


def test_a_wrong_expression_is_accepted_and_told(api, mail):
    messages = [{"syntax": "expressions", "translations": {"en": {"subject": "Hi", "text": "@contact.nme"}}}]
    answer = api.post(URL, {"query": {}, "messages": messages})
    assert (answer.status_code, answer.json()["warnings"]) == (201, [WRONG])
    assert api.get(f"{URL}{answer.json()['uuid']}/").json()["warnings"] == [WRONG]


def test_liquid_has_no_warnings(api, mail):
    assert api.get(f"{URL}{make_broadcast(mail).uuid}/").json()["warnings"] == []


def test_a_list_reads_the_known_names_once(api, mail):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            answer = api.get(f"{URL}?field=uuid&field=warnings")
        assert {tuple(one["warnings"]) for one in answer.json()} == {(WRONG,)}
        return len(captured)

    make_broadcast(mail, body="@contact.nme", syntax="expressions")
    one = queries()
    make_broadcast(mail, body="@contact.nme", syntax="expressions")
    assert queries() == one
