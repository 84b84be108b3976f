"""The channels of a broadcast on the content page: added, moved, removed; who gets which; what is measured."""

import pytest

from broadcasts.models import Channel, Editing
from tests.make import add_channel, make_broadcast

from .conftest import messages_of, sign_in
from .test_content_autosave import WRONG, autosave, post, shown
from .test_content_page import typed, url


@pytest.fixture
def broadcast(mail):
    return make_broadcast(mail)


@pytest.fixture
def message(broadcast):
    return broadcast.first_message()


@pytest.fixture
def second(broadcast):
    return add_channel(broadcast, name="Console")


@pytest.fixture
def client(author):
    return sign_in(author.user)


def with_ways(client, message, **changed):
    """What the page posts, with the fields of all channels as they are shown, and some of them changed."""
    context = shown(client, message)
    data = typed(client, message)
    for bound in context["channels"]:
        value = {None: "", True: "true", False: "false"}.get(bound.value(), bound.value())
        data[bound.html_name] = data[bound.html_initial_name] = value
    data["channels-fallback_unknown"] = data["initial-channels-fallback_unknown"] = ""
    return data | {f"channels-{name}": value for name, value in changed.items()}


def press(client, message, button, **more):
    return client.post(url(message), typed(client, message, _channels=button) | more, follow=True)


def order(broadcast):
    return [str(one.channel) for one in broadcast.messages.select_related("channel")]


def test_each_message_is_a_tab_with_its_address(client, message, second):
    tabs = shown(client, second)["tabs"]
    assert [(one["channel"], one["is_current"]) for one in tabs] == [(str(message.channel), False), ("Console", True)]
    assert tabs[0]["url"] == url(message)


def test_a_channel_is_added_and_its_page_opened_with_what_was_typed_saved_first(client, broadcast, message, club):
    sms = Channel.objects.create(organization=club, kind="console", name="Other")
    data = typed(client, message, subject="Typed", _channels="add") | {"new_channel": str(sms.pk)}
    response = client.post(url(message), data, follow=True)
    added = broadcast.messages.get(channel=sms)
    assert response.redirect_chain[-1][0] == url(added)
    assert message.translations.get().subject == "Typed"
    assert order(broadcast) == [str(message.channel), "Other"]


def test_what_is_wrong_when_a_button_leads_away_is_kept(client, broadcast, message, second):
    client.post(url(message), typed(client, message, text=WRONG, _channels=f"up:{second.pk}"))
    assert order(broadcast)[0] == "Console"
    assert shown(client, message)["formset"].forms[0]["text"].value() == WRONG


def test_a_channel_of_another_organization_is_not_added(client, broadcast, message, elsewhere):
    theirs = Channel.objects.create(organization=elsewhere, kind="console", name="Theirs")
    response = press(client, message, "add", new_channel=str(theirs.pk))
    assert "Choose a channel to add." in messages_of(response) and broadcast.messages.count() == 1


@pytest.mark.parametrize("button", ["nonsense", "remove:0", "remove", "add", "add:x", "up:x"])
def test_a_button_that_the_page_does_not_have_changes_nothing(client, broadcast, message, button):
    assert press(client, message, button).status_code == 200
    assert order(broadcast) == [str(message.channel)]


def test_removing_a_channel_asks_and_leads_back(client, broadcast, message, second):
    page = press(client, message, f"remove:{second.pk}")
    asked = page.redirect_chain[-1][0]
    assert "Are you sure" in page.content.decode() and broadcast.messages.count() == 2
    response = client.post(asked, {"post": "yes"}, follow=True)
    assert response.redirect_chain[-1][0] == url(message)
    assert order(broadcast) == [str(message.channel)]


def test_the_policy_its_fields_and_what_is_measured_are_saved(client, broadcast, message, second):
    ways = {
        "channel_policy": "fallback",
        "fallback_fact": "delivered",
        "fallback_minutes": "30",
        "track_opens": "false",
    }
    told = post(client, message, with_ways(client, message, **ways)).json()
    broadcast.refresh_from_db()
    assert told["state"] == "saved", told["words"]
    assert (broadcast.channel_policy, broadcast.fallback_fact, broadcast.fallback_minutes) == (
        "fallback",
        "delivered",
        30,
    )
    assert (broadcast.track_opens, broadcast.track_clicks) == (False, None)


def test_another_policy_forgets_the_fields_of_the_fallback_and_they_can_come_back(client, broadcast, message, second):
    ways = {"channel_policy": "fallback", "fallback_fact": "delivered", "fallback_minutes": "30"}
    post(client, message, with_ways(client, message, **ways))
    data = with_ways(client, message, channel_policy="every")
    assert post(client, message, data).json()["state"] == "saved"
    broadcast.refresh_from_db()
    assert (broadcast.channel_policy, broadcast.fallback_minutes) == ("every", None)
    data |= {"initial-channels-channel_policy": "every", "channels-channel_policy": "fallback"}
    assert post(client, message, data).json()["state"] == "saved"
    broadcast.refresh_from_db()
    assert broadcast.fallback_minutes == 30


def test_a_fallback_that_contradicts_itself_is_kept_with_the_reason_at_its_field(client, message, second):
    data = with_ways(client, message, channel_policy="fallback", fallback_fact="delivered")
    told = post(client, message, data).json()
    assert told["state"] == "kept" and "Give the minutes" in told["words"][0]
    assert "fallback_minutes" in shown(client, message)["channels"].errors


def test_the_base_language_is_chosen_by_its_name(client, broadcast, mail):
    broadcast = make_broadcast(mail, translations={"es": {"subject": "Cerrado", "text": "Hola"}})
    message = broadcast.first_message()
    assert post(client, message, with_ways(client, message, base_language="Spanish")).json()["state"] == "saved"
    broadcast.refresh_from_db()
    assert broadcast.base_language == "es"


def test_a_base_language_without_content_is_kept(client, message):
    told = post(client, message, with_ways(client, message, base_language="Spanish")).json()
    assert told["state"] == "kept" and "base language" in told["words"][0]
    assert Editing.objects.exclude(form="").count() == 1


def test_what_a_colleague_chose_for_all_channels_is_not_undone_by_words_typed_here(client, broadcast, message, second):
    data = with_ways(client, message)
    type(broadcast).objects.update(channel_policy="every")
    assert post(client, message, data | {"translations-0-subject": "Typed"}).json()["state"] == "saved"
    broadcast.refresh_from_db()
    assert (broadcast.channel_policy, message.translations.get().subject) == ("every", "Typed")


def test_a_choice_that_a_colleague_made_otherwise_meanwhile_is_a_conflict(client, broadcast, message, second):
    data = with_ways(client, message, channel_policy="fallback")
    type(broadcast).objects.update(channel_policy="every")
    assert post(client, message, data).json()["state"] == "conflict"
    assert post(client, message, data | {"over": "1"}).json()["state"] == "saved"
    broadcast.refresh_from_db()
    assert broadcast.channel_policy == "fallback"


def test_words_on_two_channels_are_no_conflict(client, message, second):
    one, other = typed(client, message, subject="One"), typed(client, second, text="Other")
    assert post(client, message, one).json()["state"] == post(client, second, other).json()["state"] == "saved"
    assert autosave(client, message, subject="Two")["state"] == "saved"
