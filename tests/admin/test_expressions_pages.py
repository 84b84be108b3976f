"""What staff see of expressions: faults while somebody types, warnings after saving, values in the preview."""

import pytest
from django.test import Client
from django.urls import reverse

from broadcasts.admin.expressions import PAIRS
from broadcasts.models import Attribute, Channel, Template, TemplateTranslation
from broadcasts.rendering import checking, to_liquid
from tests.admin.conftest import address, messages_of, sign_in
from tests.make import make_broadcast, make_contact

CHECK = "/admin/syntax/check/"


@pytest.fixture
def wrong(mail):
    """A draft with one good expression, one without a value, and a wrong one."""
    make_contact(mail.organization, "joe@example.com", full_name="Joe", attributes={"plan": ""})
    broadcast = make_broadcast(mail, body="Hello @contact.name @fields.plan\n@(uppr(1))")
    broadcast.messages.update(syntax="expressions")
    return broadcast


def check(member, text, syntax="expressions"):
    asked = {"organization": member.organization_id, "syntax": syntax, "text": text}
    return sign_in(member.user).post(CHECK, asked).json()


def test_faults_are_told_while_somebody_types(author):
    told = check(author, "Hi\r\n@(uppr(contact.name))")
    assert told["warnings"] == ["line 2, column 3: uppr is not known; did you mean upper?"]
    assert check(author, "@(uppr(contact.name))", "liquid")["warnings"] == []


def test_faults_in_liquid_are_told_while_somebody_types(author):
    [told] = check(author, "Hi\n{{ contact.frst_name }}", "liquid")["warnings"]
    assert told.startswith("line 2: contact.frst_name is not known; did you mean contact.first_name?")
    assert check(author, "Hi {{ contact.name", "liquid")["warnings"] == ["line 1: expected '}}', found end of file"]
    assert check(author, "Hi {{ contact.name }}", "liquid")["warnings"] == []


def check_json(member, text, syntax="expressions"):
    asked = {"organization": member.organization_id, "syntax": syntax, "text": text, "json": "parameters"}
    return sign_in(member.user).post(CHECK, asked).json()["warnings"]


def test_faults_in_json_are_told_with_the_path_of_their_parameter(author):
    told = check_json(author, '{"body": ["@contact.name", "Hi\\n@contact.nme"], "header": {"text": "@(uppr(1))"}}')
    assert told == [
        "parameters[body][1]: line 2, column 10: contact.nme is not known; did you mean contact.name?",
        "parameters[header][text]: line 1, column 3: uppr is not known; did you mean upper?",
    ]
    assert check_json(author, '{"body": ["@(uppr(1))"]}', "liquid") == []
    [told] = check_json(author, '{"body": ["{{ contact.nme }}"]}', "liquid")
    assert told.startswith("parameters[body][0]: line 1: contact.nme is not known; did you mean contact.name?")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"body": ["@(uppr(1))"', "This is not valid JSON: line 1, column 23: Expecting ',' delimiter."),
        ('["@contact.name"]', "Give an object in braces, such as {}."),
        ('{"a": ' + "[" * 20 + "]" * 20 + "}", "Lists and objects are nested more than 10 deep; nest fewer."),
    ],
)
def test_what_is_no_json_for_parameters_is_told_while_somebody_types(author, text, said):
    assert check_json(author, text) == [said]


def test_no_more_faults_of_json_are_looked_for_than_are_told(author, monkeypatch):
    looked, marks = [], checking.marks
    monkeypatch.setattr(checking, "marks", lambda *told: looked.append(1) or marks(*told))
    assert len(check_json(author, '{"body": [' + ", ".join(['"@(a)"'] * 500) + "]}")) == 20
    assert len(looked) == checking.MOST_WARNINGS


def test_the_field_for_parameters_is_checked_as_json(author, club):
    hook = Channel.objects.create(organization=club, name="Hook", kind="webhook", settings={"url": "https://x.example"})
    broadcast = make_broadcast(hook, body="Hi")
    page = sign_in(author.user).get(reverse("admin:broadcasts_broadcast_change", args=[broadcast.pk])).content.decode()
    assert f'data-expressions="{CHECK}" data-fields="/admin/fields/" data-json="parameters"' in page


def test_the_names_of_another_organization_are_hidden(stranger, club):
    Attribute.register(club, {"plan": "pro"})
    asked = {"organization": club.pk, "syntax": "expressions", "text": "@fields.plan"}
    assert sign_in(stranger.user).post(CHECK, asked).json() == {"warnings": []}
    assert Client().post(CHECK, asked).status_code == 302


def test_the_page_of_a_broadcast_tells_which_expressions_are_wrong(author, wrong):
    page = sign_in(author.user).get(reverse("admin:broadcasts_broadcast_change", args=[wrong.pk])).content.decode()
    assert "en.text: line 2, column 3: uppr is not known; did you mean upper?" in page
    assert f'data-expressions="{CHECK}"' in page
    assert f'data-organization="{author.organization_id}"' in page


def test_the_preview_shows_what_each_expression_gives(author, wrong):
    page = sign_in(author.user).get(address(wrong, "preview"))
    filled = [tuple(one) for one in page.context["form"].filled]
    assert filled == [
        ("text", "@contact.name", "Joe", ""),
        ("text", "@fields.plan", "", "this person has no value here"),
        ("text", "@(uppr(1))", "", "uppr is not known; did you mean upper?"),
    ]
    assert "<em>empty</em>" in page.content.decode()


def test_a_saved_template_tells_its_wrong_expressions_and_is_kept(author, club):
    data = {"organization": club.pk, "name": "New", "medium": "email", "syntax": "expressions"}
    data |= {"translations-TOTAL_FORMS": 1, "translations-INITIAL_FORMS": 0, "translations-0-language": "en"}
    client = sign_in(author.user)
    page = client.post(
        reverse("admin:broadcasts_template_add"), data | {"translations-0-text": "@contact.nme"}, follow=True
    )
    assert "en.text: line 1, column 10: contact.nme is not known; did you mean contact.name?" in messages_of(page)
    assert Template.objects.get().syntax == "expressions"


def test_the_button_translates_a_template_or_says_where_not(author, club):
    template = Template.objects.create(organization=club, name="New", syntax="expressions")
    one = TemplateTranslation.objects.create(template=template, language="en", text="@(upper(contact.name))")
    page = reverse("admin:broadcasts_template_change", args=[template.pk])
    data = {"organization": club.pk, "name": "New", "medium": "email", "syntax": "expressions"}
    data |= {"translations-TOTAL_FORMS": 1, "translations-INITIAL_FORMS": 1, "translations-0-id": one.pk}
    data |= {"translations-0-template": template.pk, "translations-0-language": "en", "_then": "liquid"}
    client = sign_in(author.user)
    refused = client.post(page, data | {"translations-0-text": one.text}, follow=True)
    assert "en.text: line 1, column 8: upper has no exact counterpart" in messages_of(refused)
    client.post(page, data | {"translations-0-text": "@contact.name"})
    template.refresh_from_db()
    assert (template.syntax, template.translations.get().text) == ("liquid", "{{ contact.name }}")


def test_what_the_help_calls_the_same_is_the_same(club):
    Attribute.register(club, {"plan": "pro", "age": 34, "born": "1990-01-31"})
    club.globals = {"pool": "North"}
    exact = {pair.expression: pair.liquid for pair in PAIRS if not pair.note}
    assert {source: to_liquid(club, {"text": source})[0]["text"] for source in exact} == exact


def test_the_help_shows_both_languages_side_by_side(viewer):
    page = sign_in(viewer.user).get(reverse("admin:syntax")).content.decode()
    assert "@contact.name" in page and "{{ contact.name }}" in page
