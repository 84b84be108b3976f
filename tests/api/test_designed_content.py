"""Blocks, sources, slots and layouts of broadcasts and templates, by the API."""

import pytest

from broadcasts.models import Layout, Message

from .conftest import URL

TEMPLATES = "/api/templates/"
BLOCKS = [
    {"type": "heading", "text": "Pool closed", "level": 1},
    {"type": "text", "html": '<p>Dear {{ contact.first_name | default: "friend" }}</p>', "slot": "intro"},
    {"type": "button", "text": "Book", "href": "https://club.example/book"},
]


@pytest.fixture
def festive(club):
    return Layout.objects.create(organization=club, name="Festive", header=[{"type": "heading", "text": "The Club"}])


def drafted(api, content, **message):
    answer = api.post(URL, {"query": {}, "messages": [{"translations": {"en": content}, **message}]})
    return answer.status_code, answer.json()


def test_a_broadcast_is_written_in_blocks_and_shows_the_html_made_of_them(api):
    status, made = drafted(api, {"subject": "Closed", "format": "blocks", "blocks": BLOCKS})
    assert status == 201, made
    content = made["messages"][0]["translations"]["en"]
    assert (content["format"], content["blocks"]) == ("blocks", BLOCKS)
    assert 'Dear {{ contact.first_name | default: "friend" }}' in content["html"]
    assert "https://club.example/book" in content["html"]


def test_what_was_read_is_written_back_without_a_change(api):
    _, made = drafted(api, {"subject": "Closed", "format": "blocks", "blocks": BLOCKS, "slots": {"intro": "<p>Hi</p>"}})
    again = api.patch(f"{URL}{made['uuid']}/", {"messages": made["messages"]})
    assert again.status_code == 200, again.json()
    assert again.json()["modified"] == made["modified"]


def test_the_whole_of_what_was_read_is_written_back_without_a_change(api):
    _, made = drafted(api, {"subject": "Closed", "format": "blocks", "blocks": BLOCKS})
    assert made["body"] == ""
    again = api.put(f"{URL}{made['uuid']}/", made)
    assert (again.status_code, again.json()) == (200, made)


@pytest.mark.parametrize(
    "content", [{"format": "blocks", "blocks": BLOCKS}, {"format": "markdown", "source": "# Closed"}]
)
def test_a_body_that_would_change_the_text_beside_a_design_is_refused(api, content):
    _, made = drafted(api, {"subject": "Closed", "text": "Closed today", **content})
    one = f"{URL}{made['uuid']}/"
    answer = api.patch(one, {"body": "Open again"})
    assert (answer.status_code, list(answer.json())) == (400, ["body"])
    assert "write its content in messages" in answer.json()["body"][0]
    assert api.get(one).json() == made


def test_a_subject_and_the_same_body_are_taken_beside_a_design(api):
    _, made = drafted(api, {"subject": "Closed", "text": "Closed today", "format": "blocks", "blocks": BLOCKS})
    answer = api.patch(f"{URL}{made['uuid']}/", {"subject": "Open", "body": "Closed today"})
    assert (answer.status_code, answer.json()["subject"]) == (200, "Open")


@pytest.mark.parametrize("content", [{"text": "Closed"}, {"text": "Closed", "format": "text"}])
def test_a_body_is_taken_where_it_is_what_people_read(api, content):
    _, made = drafted(api, {"subject": "Closed", **content})
    answer = api.patch(f"{URL}{made['uuid']}/", {"body": "Open again"})
    assert (answer.status_code, answer.json()["body"]) == (200, "Open again")


def test_a_source_becomes_html(api):
    for kind, source in (("markdown", "# Pool closed"), ("html", "<p>Pool closed</p>")):
        _, made = drafted(api, {"subject": "Closed", "format": kind, "source": source})
        content = made["messages"][0]["translations"]["en"]
        assert content["source"] == source
        assert "Pool closed" in content["html"] and content["html"] != source


def test_html_without_a_source_is_sent_as_it_is(api):
    _, made = drafted(api, {"subject": "Closed", "html": "<b>As it is</b>"})
    assert made["messages"][0]["translations"]["en"]["html"] == "<b>As it is</b>"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            {"format": "blocks", "blocks": [{"type": "marquee"}]},
            "0.translations.en.blocks[0].type: “marquee” is no",
        ),
        ({"format": "blocks", "blocks": [{"type": "button", "text": "x"}]}, "en.blocks[0].href: "),
        ({"format": "blocks", "blocks": {}}, "en.blocks: Expected a list."),
        ({"format": "mjml", "source": "<mjml>"}, "en.source: "),
        ({"format": "blocks", "blocks": [{"type": "text", "html": "{{ contact.nam }}"}]}, "did you mean contact.name?"),
        ({"slots": []}, "en.slots: Expected an object."),
        ({"format": "word"}, "en.format: “word” is unknown; accepted: html, text, blocks, markdown, mjml."),
    ],
)
def test_wrong_content_is_told_by_its_path(api, content, told):
    status, answer = drafted(api, {"subject": "Closed", "text": "x", **content})
    assert status == 400
    assert told in str(answer["messages"])


def test_a_message_names_its_layout_and_a_new_one_has_the_default(api, club, festive):
    _, plain = drafted(api, {"subject": "Closed", "format": "blocks", "blocks": BLOCKS})
    assert plain["messages"][0]["layout"] is None
    club.default_layout = festive
    club.save()
    _, made = drafted(api, {"subject": "Closed", "format": "blocks", "blocks": BLOCKS})
    assert made["messages"][0]["layout"] == {"uuid": str(festive.uuid), "name": "Festive"}
    assert "The Club" in made["messages"][0]["translations"]["en"]["html"]
    _, bare = drafted(api, {"subject": "Closed", "format": "blocks", "blocks": BLOCKS}, layout=None)
    assert bare["messages"][0]["layout"] is None


def test_html_that_is_sent_as_it_is_has_no_layout(api, club, festive):
    club.default_layout = festive
    club.save()
    _, made = drafted(api, {"subject": "Closed", "html": "<p>Closed</p>"})
    assert made["messages"][0]["layout"] is None
    assert made["messages"][0]["translations"]["en"]["html"] == "<p>Closed</p>"


def test_a_layout_of_others_is_refused(api, elsewhere):
    theirs = Layout.objects.create(organization=elsewhere, name="Theirs")
    status, answer = drafted(api, {"subject": "Closed", "text": "x"}, layout=str(theirs.uuid))
    assert (status, "There is no layout" in str(answer["messages"])) == (400, True)


def test_a_fixed_template_takes_words_for_its_slots_only(api, festive):
    content = {"subject": "Closed", "format": "blocks", "blocks": BLOCKS}
    template = api.post(
        TEMPLATES,
        {"name": "Notice", "is_fixed": True, "layout": str(festive.uuid), "translations": {"en": content}},
    ).json()
    assert (template["is_fixed"], template["layout"]["name"]) == (True, "Festive")
    status, made = drafted(api, {"subject": "Shut", "slots": {"intro": "<p>Off</p>"}}, template=template["uuid"])
    assert status == 201, made
    assert "Off" in made["messages"][0]["translations"]["en"]["html"]
    status, answer = drafted(api, {"format": "blocks", "blocks": BLOCKS[:1]}, template=template["uuid"])
    assert status == 400
    assert "is fixed: write its words in slots" in str(answer["messages"])


def test_a_template_is_put_into_another_layout(api, festive):
    content = {"subject": "Closed", "format": "blocks", "blocks": BLOCKS}
    template = api.post(TEMPLATES, {"name": "Notice", "translations": {"en": content}}).json()
    assert "The Club" not in template["translations"]["en"]["html"]
    changed = api.patch(f"{TEMPLATES}{template['uuid']}/", {"layout": str(festive.uuid)}).json()
    assert "The Club" in changed["translations"]["en"]["html"]


def test_layouts_of_a_list_take_no_query_each(api, festive, django_assert_max_num_queries):
    for n in range(5):
        drafted(api, {"subject": f"{n}", "text": "x"}, layout=str(festive.uuid))
        api.post(TEMPLATES, {"name": f"{n}", "layout": str(festive.uuid), "translations": {"en": {"text": "x"}}})
    assert Message.objects.filter(layout=festive).count() == 5
    with django_assert_max_num_queries(15):
        api.get(URL)
    with django_assert_max_num_queries(5):
        api.get(TEMPLATES)


def test_the_document_describes_each_block_by_its_fields(api):
    schemas = api.get("/api/schema/", {"format": "json"}).json()["components"]["schemas"]
    assert schemas["Content"]["properties"]["blocks"]["items"] == {"$ref": "#/components/schemas/Block"}
    assert schemas["ButtonBlock"]["required"] == ["type", "text", "href"]
    assert schemas["HeadingBlock"]["properties"]["level"]["maximum"] == 3
