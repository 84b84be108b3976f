"""A template with wrong expressions is accepted, and tells which they are, as a broadcast does."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from broadcasts.models import Template, TemplateTranslation

URL = "/api/templates/"
WRONG = "en.text: line 1, column 10: contact.nme is not known; did you mean contact.name?"
IN_JSON = "en.parameters[body][0]: line 1, column 3: uppr is not known; did you mean upper?"
CONTENT = {"text": "@contact.nme", "parameters": {"body": ["@(uppr(1))", "{{ x }}"]}}


@pytest.fixture
def write(api):
    def write(**changes):
        told = {"name": "Hi", "syntax": "expressions", "translations": {"en": CONTENT}} | changes
        return api.post(URL, told).json()

    return write


def test_a_wrong_expression_in_a_template_is_accepted_and_told(api, write):
    template = write()
    assert template["warnings"] == [WRONG, IN_JSON]
    assert api.get(f"{URL}{template['uuid']}/").json()["warnings"] == [WRONG, IN_JSON]
    mended = api.patch(f"{URL}{template['uuid']}/", {"translations": {"en": {"text": "@contact.name"}}})
    assert mended.json()["warnings"] == []


def test_a_template_in_liquid_has_no_warnings(write):
    assert write(syntax="liquid", translations={"en": {"text": "{{ contact.name }} @contact.nme"}})["warnings"] == []


def test_parameters_that_are_nested_too_deep_are_told_and_read(api, club):
    deep: list = []
    for _ in range(20):
        deep = [deep]
    template = Template.objects.create(organization=club, name="Deep", syntax="expressions")
    TemplateTranslation.objects.create(template=template, language="en", text="@contact.nme", parameters={"a": deep})
    told = api.get(f"{URL}{template.uuid}/").json()["warnings"]
    assert told == [WRONG, "en.parameters[a][0][0][0][0][0][0][0][0][0][0]: " + told[1].partition(": ")[2]]
    assert "nested more than 10 deep" in told[1]


def test_a_list_of_templates_reads_the_known_names_once(api, write):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            answer = api.get(f"{URL}?field=uuid&field=warnings")
        assert {tuple(one["warnings"]) for one in answer.json()} == {(WRONG, IN_JSON)}
        return len(captured)

    write()
    one = queries()
    write(name="Hello")
    assert queries() == one
