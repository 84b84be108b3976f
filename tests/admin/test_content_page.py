"""The content page: words in each language, saved or refused with everything that was typed."""

import json

import pytest
from django.urls import reverse

from broadcasts.models import (
    Channel,
    Layout,
    Message,
    MessageTranslation,
    Template,
    TemplateTranslation,
)
from tests.make import add_channel, make_broadcast, make_contact, make_picture

from .conftest import messages_of, sign_in
from .test_saving_first import posted

BLOCKS = [{"type": "text", "html": "<p>Hello {{ contact.name }}</p>"}, {"type": "divider"}]


@pytest.fixture
def broadcast(mail):
    return make_broadcast(mail)


@pytest.fixture
def message(broadcast):
    return broadcast.first_message()


@pytest.fixture
def client(author):
    return sign_in(author.user)


def url(owner, what="content", *more):
    return reverse(f"admin:broadcasts_{owner._meta.model_name}_{what}", args=[owner.pk, *more])


def typed(client, owner, number=0, **changed):
    """What the page of an owner posts, with some fields of one language changed."""
    context = client.get(url(owner)).context
    forms = [context["choices"], *context["formset"].forms, context["formset"].management_form]
    data = {}
    for form in forms:
        for field in form:
            value = field.value()
            data[field.html_name] = "" if value is None or value is False else getattr(value, "pk", value)
    data |= {"seen": context["seen"], "organization": context["organization"].pk}
    for name, value in changed.items():
        key = name if name in data or name.startswith("_") else f"translations-{number}-{name}"
        data[key] = value if isinstance(value, str) else json.dumps(value)
    return data


def save(client, owner, **changed):
    return client.post(url(owner), typed(client, owner, **changed), follow=True)


def test_the_page_shows_what_is_stored(client, message):
    page = client.get(url(message)).content.decode()
    assert "Pool closed" in page and "Hello {{ contact.name }}" in page
    assert "English" in page


def test_blocks_are_saved_and_their_html_is_made(client, message):
    response = save(client, message, format="blocks", blocks=BLOCKS, subject="Pool open", text="")
    assert messages_of(response) == f"The content of “{message}” was saved."
    stored = message.translations.get()
    assert (stored.format, stored.blocks, stored.subject) == ("blocks", BLOCKS, "Pool open")
    assert "Hello {{ contact.name }}" in stored.html and stored.html.startswith("<!DOCTYPE html>")


def test_an_error_in_a_block_is_told_at_its_place_and_nothing_is_lost(client, message):
    blocks = [*BLOCKS, {"type": "button", "text": "Go", "href": "javascript:alert(1)"}]
    response = save(client, message, format="blocks", blocks=blocks, subject="Typed")
    page = response.content.decode()
    assert "blocks[2].href" in page and "Not saved yet" in page
    form = response.context["formset"].forms[0]
    assert json.loads(form["blocks"].value()) == blocks and form["subject"].value() == "Typed"
    assert message.translations.get().subject == "Pool closed"


def test_liquid_that_is_wrong_is_told_at_the_block_where_it_stands(client, message):
    blocks = [BLOCKS[0], {"type": "text", "html": "<p>{{ contact.nmae }}</p>"}]
    response = save(client, message, format="blocks", blocks=blocks)
    assert "did you mean contact.name?" in response.context["formset"].forms[0].told["blocks[1].html"]


def test_html_in_a_layout_is_kept_as_its_source_and_without_one_as_it_was_typed(client, message, club):
    layout = Layout.objects.create(organization=club, name="Club")
    save(client, message, format="html", source="<p>Hi</p>", layout=str(layout.pk))
    stored = message.translations.get()
    assert (stored.source, "<p" in stored.html and "Hi" in stored.html) == ("<p>Hi</p>", True)
    assert Message.objects.get(pk=message.pk).layout == layout
    save(client, message, format="html", source="<p>Hi</p>", layout="")
    stored.refresh_from_db()
    assert (stored.source, stored.html) == ("", "<p>Hi</p>")


def step(client, owner, act, **changed):
    return client.post(url(owner), typed(client, owner, _step=act, **changed))


def test_a_language_is_added_as_a_copy_and_saved_with_the_form(client, message):
    data = typed(client, message, _step="language") | {"new_language": "es", "copy_from": "en"}
    response = client.post(url(message), data)
    added = response.context["formset"].forms[1]
    assert (added.language_name, added["subject"].value()) == ("Spanish", "Pool closed")
    assert not message.translations.filter(language="es").exists()
    posted = {name: value for name, value in data.items() if not name.startswith("_")}
    posted |= {bound.html_name: bound.value() or "" for bound in added}
    posted |= {"translations-1-DELETE": "", "translations-TOTAL_FORMS": "2", "translations-1-subject": "Cerrado"}
    client.post(url(message), posted)
    assert [one.language for one in message.translations.all()] == ["en", "es"]


@pytest.mark.parametrize(("language", "words"), [("", "Choose a language to add."), ("en", "English is here already.")])
def test_a_language_that_cannot_be_added_is_told_and_nothing_typed_is_lost(client, message, language, words):
    data = typed(client, message, _step="language", subject="Half a thought") | {"new_language": language}
    response = client.post(url(message), data)
    assert messages_of(response) == words
    assert response.context["formset"].forms[0]["subject"].value() == "Half a thought"


def test_a_language_is_removed_when_saving(client, mail):
    broadcast = make_broadcast(mail, translations={"es": {"subject": "Cerrado", "text": "Hola"}})
    message = broadcast.first_message()
    save(client, message, number=1, DELETE="on")
    assert [one.language for one in message.translations.all()] == ["en"]


def test_blocks_are_turned_into_exactly_the_html_that_people_get(client, message):
    save(client, message, format="blocks", blocks=BLOCKS, text="")
    html = message.translations.get().html
    response = step(client, message, "convert:0:html")
    form = response.context["formset"].forms[0]
    assert (form.written_as, form["source"].value(), form["blocks"].value()) == ("html", html, "[]")
    assert "cannot be turned back into Blocks" in messages_of(response)


def test_blocks_are_turned_into_mjml_that_makes_the_same_html(client, message):
    save(client, message, format="blocks", blocks=BLOCKS, text="")
    html = message.translations.get().html
    response = step(client, message, "convert:0:mjml")
    form = response.context["formset"].forms[0]
    assert (form.written_as, form["blocks"].value()) == ("mjml", "[]")
    assert "is MJML now" in messages_of(response)
    save(client, message, format="mjml", source=form["source"].value(), blocks="[]", text="")
    saved = message.translations.get()
    assert (saved.format, saved.html) == ("mjml", html)


@pytest.mark.parametrize("act", ["convert:x:html", "convert:9:html", "convert:", "language", "take:x", "nothing"])
def test_steps_that_no_button_asks_for_change_nothing(client, message, act):
    assert step(client, message, act).status_code == 200
    assert client.post(url(message), {"_step": act}).status_code == 200


def test_what_another_channel_says_is_taken_over_as_text(client, broadcast, message):
    sms = Channel.objects.create(organization=broadcast.organization, kind="sms", name="Texts")
    short = Message.objects.create(broadcast=broadcast, channel=sms, position=1)
    MessageTranslation.objects.filter(message=message).update(text="", html="<h1>Closed</h1><p>On Monday</p>")
    response = client.post(
        url(short), typed(client, short, _step=f"take:{message.pk}") | {"translations-0-language": "en"}
    )
    assert "On Monday" in response.context["formset"].forms[0]["text"].value()
    assert not short.translations.exists()


def test_the_layout_and_the_footer_of_mail_are_not_taken_over(client, broadcast, message):
    sms = Channel.objects.create(organization=broadcast.organization, kind="sms", name="Texts")
    short = Message.objects.create(broadcast=broadcast, channel=sms, position=1)
    blocks = [{"type": "text", "html": "<p>Closed on Monday</p>"}, {"type": "footer"}]
    MessageTranslation.objects.filter(message=message).update(
        text="",
        format="blocks",
        blocks=blocks,
        html="<p>Our club</p><p>Closed on Monday</p><p>{{ unsubscribe_url }}</p>",
    )
    response = client.post(
        url(short), typed(client, short, _step=f"take:{message.pk}") | {"translations-0-language": "en"}
    )
    assert response.context["formset"].forms[0]["text"].value() == "Closed on Monday"


def test_the_message_of_another_broadcast_gives_no_words(client, message, mail):
    other = make_broadcast(mail, body="Secret").first_message()
    response = step(client, message, f"take:{other.pk}")
    assert "no such message" in messages_of(response) and b"Secret" not in response.content


def test_the_content_of_a_template_is_written_into_the_form(client, message, club):
    template = Template.objects.create(organization=club, name="Letter")
    TemplateTranslation.objects.create(
        template=template, language="en", subject="Dear", format="blocks", blocks=BLOCKS, html="<p>x</p>"
    )
    response = step(client, message, "template", template=str(template.pk))
    form = response.context["formset"].forms[0]
    assert (form["subject"].value(), json.loads(form["blocks"].value())) == ("Dear", BLOCKS)


def test_a_template_is_saved_with_its_html_and_layout(client, club):
    template = Template.objects.create(organization=club, name="Letter")
    layout = Layout.objects.create(organization=club, name="Club")
    save(client, template, format="blocks", blocks=BLOCKS, subject="Dear", layout=str(layout.pk))
    stored = TemplateTranslation.objects.get(template=template)
    assert (stored.language, stored.blocks, stored.template.layout) == ("en", BLOCKS, layout)
    assert "Hello {{ contact.name }}" in stored.html


def test_of_a_fixed_design_only_the_words_of_slots_are_written(client, message, club):
    template = Template.objects.create(organization=club, name="Letter", is_fixed=True)
    blocks = [{"type": "text", "html": "<p>Usual</p>", "slot": "intro"}]
    TemplateTranslation.objects.create(template=template, language="en", subject="Dear", format="blocks", blocks=blocks)
    Message.objects.filter(pk=message.pk).update(template=template)
    message.translations.update(format="blocks", blocks=blocks)
    form = client.get(url(message)).context["formset"].forms[0]
    assert "data-fixed" in form.fields["blocks"].widget.attrs and form.fields["format"].widget.is_hidden
    save(client, message, slots={"intro": "<p>New words</p>"})
    assert "New words" in message.translations.get().html
    told = preview(client, message, slots={"intro": "<p>Newer words</p>"}).json()
    assert told["errors"] == [] and told["shown"]


def test_the_html_of_a_design_is_read_only_in_the_old_form_and_survives_it(client, broadcast, message):
    save(client, message, format="blocks", blocks=BLOCKS, text="")
    address = reverse("admin:broadcasts_broadcast_change", args=[broadcast.pk])
    page = client.get(address)
    shown = page.context["inline_admin_formsets"][0].formset.forms[0]
    assert shown.fields["html"].disabled and url(message) in page.content.decode()
    client.post(address, posted(broadcast, "New subject", channel=message.channel_id) | {"translations-0-html": "Gone"})
    stored = message.translations.get()
    assert (stored.subject, stored.blocks, "Gone" in stored.html) == ("New subject", BLOCKS, False)


# Who may, and when.


def test_the_content_of_another_organization_is_not_found(message, stranger):
    for what in ("content", "render", "people"):
        assert sign_in(stranger.user).get(url(message, what)).status_code in (404, 405)
    assert sign_in(stranger.user).post(url(message, "render"), {}).status_code == 404


def test_viewers_do_not_see_what_contacts_are_like(message, viewer):
    assert sign_in(viewer.user).get(url(message)).status_code == 403


def test_content_that_is_being_sent_is_shown_and_not_changed(client, broadcast, message):
    data = typed(client, message, subject="Too late")
    broadcast.status = "SENT"
    broadcast.save()
    page = client.get(url(message))
    assert "can no longer be changed" in page.content.decode() and b"Save and go back" not in page.content
    assert "can no longer be changed" in messages_of(client.post(url(message), data, follow=True))
    assert message.translations.get().subject == "Pool closed"


def test_a_page_that_was_opened_before_another_change_does_not_write_over_it(client, message):
    data = typed(client, message, subject="Mine")
    message.translations.update(subject="Theirs")
    response = client.post(url(message), data)
    assert "saved this step after you opened it" in response.content.decode()
    assert response.context["formset"].forms[0]["subject"].value() == "Mine"
    assert message.translations.get().subject == "Theirs"
    client.post(url(message), data | {"over": "1"})
    assert message.translations.get().subject == "Mine"


def test_a_change_of_the_audience_or_time_is_no_conflict(client, broadcast, message):
    data = typed(client, message, subject="Mine")
    broadcast.send_to_all = False
    broadcast.save()
    client.post(url(message), data)
    assert message.translations.get().subject == "Mine"


def test_templates_and_channels_of_others_cannot_be_chosen(client, message, elsewhere):
    other = Template.objects.create(organization=elsewhere, name="Theirs")
    response = save(client, message, template=str(other.pk))
    assert "template" in response.context["choices"].errors


def test_a_message_added_on_another_channel_stays_in_its_place(client, broadcast, message):
    second = add_channel(broadcast, name="Second")
    save(client, message, subject="First")
    assert [one.pk for one in broadcast.messages.all()] == [message.pk, second.pk]


# The preview.


def preview(client, owner, **changed):
    extra = {name: changed.pop(name) for name in ("person", "language", "theirs") if name in changed}
    return client.post(url(owner, "render"), typed(client, owner, **changed) | {"language": "en"} | extra)


def test_the_preview_shows_what_is_typed_to_the_chosen_person_and_stores_nothing(client, message, club):
    joe = make_contact(club, "joe@example.com", full_name="Joe Doe")
    told = preview(client, message, format="blocks", blocks=BLOCKS, text="", person=str(joe.pk)).json()
    assert told["errors"] == [] and "joe@example.com" in told["fragment"]
    frame = client.get(told["shown"])
    assert "Hello Joe Doe" in frame.content.decode()
    assert frame["Content-Security-Policy"].startswith("sandbox") and "allow-scripts" not in str(frame.headers)
    assert message.translations.get().blocks == []


def test_the_frame_is_served_to_nobody_else_and_in_the_scheme_that_is_asked(client, message, sender):
    told = preview(client, message, format="blocks", blocks=BLOCKS, text="").json()
    assert b"too old" in sign_in(sender.user).get(told["shown"]).content
    dark, light = (client.get(f"{told['shown']}?scheme={one}").content.decode() for one in ("dark", "light"))
    assert "@media all" in dark and "@media not all" in light


def test_an_error_is_told_by_its_path_and_the_rest_is_shown(client, message):
    blocks = [{"type": "text", "html": "<p>{{ contact.nmae }}</p>"}]
    told = preview(client, message, format="blocks", blocks=blocks, subject="Still here", text="").json()
    assert [one["path"] for one in told["errors"]] == ["blocks[0].html"]
    assert "Still here" in told["fragment"]


def test_the_preview_of_someone_who_lacks_a_value(client, message, club):
    make_contact(club, "ann@example.com", attributes={"plan": "pro"})
    make_contact(club, "bob@example.com", full_name="")
    lacks = client.get(url(message, "people"), {"text": "lacks first"}).json()["found"]
    assert lacks == [{"value": "lacks:contact.first_name", "label": "Someone who lacks first name"}]
    for chosen, address in [
        ("lacks:contact.first_name", "bob@example.com"),
        ("lacks:contact.attributes.plan", "bob@example.com"),
    ]:
        assert address in preview(client, message, person=chosen).json()["fragment"]
    told = preview(client, message, person="lacks:contact.email").json()["fragment"]
    assert "Everyone has e-mail address." in told


def test_a_blank_value_is_lacked_as_the_check_counts_it(client, message, club):
    make_contact(club, "ann@example.com", attributes={"plan": "pro"})
    make_contact(club, "bob@example.com", attributes={"plan": ""})
    told = preview(client, message, person="lacks:contact.attributes.plan").json()["fragment"]
    assert "bob@example.com" in told


def test_the_lack_of_what_is_no_field_is_told(client, message, club):
    told = preview(client, message, person="lacks:contact.password").json()["fragment"]
    assert "is no merge field of contacts" in told


def test_people_are_found_by_name_and_address_within_the_organization(client, message, club, elsewhere):
    joe = make_contact(club, "joe@example.com", full_name="Joe Doe")
    make_contact(elsewhere, "joe@elsewhere.example", full_name="Joe Elsewhere")
    for text in ("joe d", "joe@example.com"):
        found = client.get(url(message, "people"), {"text": text}).json()["found"]
        assert [one["value"] for one in found] == [str(joe.pk)]


def test_a_person_of_another_organization_is_not_shown(client, message, club, elsewhere):
    make_contact(club, "joe@example.com")
    other = make_contact(elsewhere, "secret@elsewhere.example")
    assert "secret" not in preview(client, message, person=str(other.pk)).json()["fragment"]


def test_the_preview_is_in_the_language_written_or_in_that_of_the_person(client, mail, club):
    broadcast = make_broadcast(mail, translations={"es": {"subject": "Cerrado", "text": "Hola"}})
    ana = make_contact(club, language="es")
    message = broadcast.first_message()
    assert preview(client, message, person=str(ana.pk)).json()["language"] == "en"
    assert preview(client, message, person=str(ana.pk), theirs="on").json()["language"] == "es"


def test_what_was_sent_is_still_previewed_though_its_fields_are_not_posted(client, mail):
    translations = {"es": {"subject": "Cerrado", "text": "Hola"}}
    broadcast = make_broadcast(mail, translations=translations, status="SENT")
    message = broadcast.first_message()
    data = {name: value for name, value in typed(client, message).items() if "FORMS" in name}
    told = client.post(url(message, "render"), data | {"language": "es"}).json()
    assert (told["language"], told["errors"], "Cerrado" in told["fragment"]) == ("es", [], True)


# Parameters, files and tests.


@pytest.fixture
def offer(club, elsewhere):
    channel = Channel.objects.create(organization=club, kind="whatsapp", name="WhatsApp")
    template = Template.objects.create(organization=club, name="offer", medium="whatsapp", channel=channel)
    structure = {
        "header": {"kind": "image", "text": "", "parameters": []},
        "body": {"text": "Hi {{1}}, on {{2}}.", "parameters": ["1", "2"]},
        "buttons": [{"kind": "url", "text": "Go", "url": "https://x.example/{{1}}", "parameters": ["1"]}],
        "named": False,
    }
    stored = {"language": "en", "tag": "en", "provider_id": "1", "status": "APPROVED", "structure": structure}
    TemplateTranslation.objects.create(template=template, **stored)
    return template


@pytest.fixture
def whatsapp(broadcast, offer):
    message = Message.objects.create(broadcast=broadcast, channel=offer.channel, template=offer, position=1)
    MessageTranslation.objects.create(message=message, language="en", parameters={"body": ["{{ contact.name }}"]})
    return message


def test_the_parameters_of_a_template_are_fields_with_labels(client, whatsapp):
    page = client.get(url(whatsapp))
    form = page.context["formset"].forms[0]
    shown = {field.label: field.value() for field in form.visible_fields() if field.name.startswith("p:")}
    assert shown["Body 1"] == "{{ contact.name }}" and shown["Body 2"] == ""
    assert form.lacks == ["Header: image", "Body 2", "Button “Go”: end of the address"]
    assert "lacks 3 values" in page.content.decode()
    fields = {f"p:{name}": "x" for name in ("body.1", "buttons.0.url")} | {
        "p:header.image.link": "https://x.example/a.png"
    }
    save(client, whatsapp, **fields)
    assert whatsapp.translations.get().parameters == {
        "body": ["{{ contact.name }}", "x"],
        "buttons": [{"index": 0, "url": "x"}],
        "header": {"image": {"link": "https://x.example/a.png"}},
    }


def test_a_wrong_parameter_is_told_at_its_field(client, whatsapp):
    response = save(client, whatsapp, **{"p:header.image.link": "http://x.example/a.png"})
    errors = response.context["formset"].forms[0].errors
    assert "https://" in errors["p:header.image.link"][0]


def test_the_preview_of_a_template_is_a_bubble(client, whatsapp, club):
    joe = make_contact(club, full_name="Joe <b>", phone="+34600111222", whatsapp_id="34600111222")
    told = preview(client, whatsapp, person=str(joe.pk), **{"p:body.1": "Monday"}).json()
    assert "Hi Joe &lt;b&gt;, on Monday." in told["fragment"] and told["shown"] == ""


def test_quick_replies_are_lines(client, whatsapp):
    Message.objects.filter(pk=whatsapp.pk).update(template=None)
    whatsapp.translations.update(text="Coming?", parameters={})
    save(client, whatsapp, quick_replies="Yes\nNo")
    assert whatsapp.translations.get().quick_replies == ["Yes", "No"]


def test_of_a_webhook_the_parameters_are_json(client, broadcast, club):
    hook = Channel.objects.create(organization=club, kind="webhook", name="Hook", settings={"url": "https://x.example"})
    message = Message.objects.create(broadcast=broadcast, channel=hook, position=1)
    MessageTranslation.objects.create(message=message, language="en", text="Hi")
    response = save(client, message, parameters='{"a": ')
    assert "not valid JSON" in response.content.decode()
    save(client, message, parameters='{"a": 1}')
    assert message.translations.get().parameters == {"a": 1}


def test_a_test_is_sent_after_saving_and_its_result_is_told(sender, message, server, club):
    joe = make_contact(club, "joe@example.com", full_name="Joe")
    client = sign_in(sender.user)
    data = typed(client, message, _then="test", subject="Typed")
    data |= {"test_addresses": "a@example.com b@example.com", "test_languages": ["en"], "person": str(joe.pk)}
    response = client.post(url(message), data, follow=True)
    assert "A test was sent to a@example.com. A test was sent to b@example.com." in messages_of(response)
    assert [(one.subject, one.text) for one in server.received] == [("[Test] Typed", "Hello Joe")] * 2


def test_authors_send_tests_to_themselves_only(author, message, server):
    client = sign_in(author.user)
    data = typed(client, message, _then="test") | {"test_addresses": "other@example.com"}
    client.post(url(message), data)
    assert set(server.copies) == {author.user.email}


def test_wrong_content_is_not_sent_as_a_test(sender, message, server):
    client = sign_in(sender.user)
    data = typed(client, message, _then="test", text="{{ contact.name") | {"test_addresses": "a@example.com"}
    response = client.post(url(message), data)
    assert "Not saved yet" in response.content.decode() and server.received == []


def test_a_test_of_what_was_sent_changes_nothing(sender, broadcast, message, server):
    broadcast.status = "SENT"
    broadcast.save()
    data = {"_then": "test", "test_addresses": "a@example.com"}
    response = sign_in(sender.user).post(url(message), data, follow=True)
    assert "A test was sent to a@example.com." in messages_of(response)
    assert [one.subject for one in server.received] == ["[Test] Pool closed"]


def test_attached_files_are_listed_by_name_and_kept(client, message, club):
    picture = make_picture(club, "flyer.png")
    response = save(client, message, attachments=[{"media": str(picture.uuid)}])
    assert message.translations.get().attachments == [{"media": str(picture.uuid)}]
    assert response.context["files"] == {str(picture.uuid): "flyer.png"}
    assert "flyer.png" in preview(client, message).json()["fragment"]


def test_a_file_of_another_organization_is_refused_and_not_named(client, message, elsewhere):
    theirs = make_picture(elsewhere, "secret.png")
    response = save(client, message, attachments=[{"media": str(theirs.uuid)}])
    assert "There is no media file" in response.content.decode() and b"secret.png" not in response.content


@pytest.mark.parametrize("act", ["convert:x:html", "convert:99:html", "convert", "take:1"])
def test_a_button_that_the_page_does_not_have_is_refused_in_words(client, club, act):
    template = Template.objects.create(organization=club, name="Notice")
    page = step(client, template, act)
    assert page.status_code == 200
    assert "is not on the page any more" in messages_of(page) or "no other messages" in messages_of(page)


def test_a_template_is_sent_as_a_test_through_the_default_channel(sender, club, mail, server):
    template = Template.objects.create(organization=club, name="Notice")
    client = sign_in(sender.user)
    data = typed(client, template, subject="Hi", blocks=BLOCKS, _then="test")
    data |= {"test_addresses": "a@example.com", "person": str(make_contact(club, full_name="Joe").pk)}
    response = client.post(url(template), data, follow=True)
    assert "A test was sent to a@example.com." in messages_of(response)
    [sent] = server.received
    assert (sent.subject, "Hello Joe" in sent.text) == ("[Test] Hi", True)


def test_of_a_template_that_says_nothing_no_test_is_sent(sender, club, mail, server):
    template = Template.objects.create(organization=club, name="Notice")
    client = sign_in(sender.user)
    data = typed(client, template, _then="test") | {"test_addresses": "a@example.com"}
    assert "No test was sent: It says nothing yet" in messages_of(client.post(url(template), data, follow=True))
    assert server.received == []


def test_authors_send_tests_of_a_template_to_themselves_only(author, club, mail, server):
    template = Template.objects.create(organization=club, name="Notice")
    client = sign_in(author.user)
    data = typed(client, template, subject="Hi", blocks=BLOCKS, _then="test") | {"test_addresses": "other@example.com"}
    client.post(url(template), data)
    assert set(server.copies) == {author.user.email}


def test_without_a_channel_of_its_medium_a_template_is_not_sent(sender, club):
    template = Template.objects.create(organization=club, name="Notice", medium="sms")
    client = sign_in(sender.user)
    data = typed(client, template, text="Hi", _then="test") | {"test_addresses": "+34600111222"}
    assert "No test was sent" in messages_of(client.post(url(template), data, follow=True))
