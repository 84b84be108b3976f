"""What the steps Who and When ask, and what the card beside them tells."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from broadcasts.admin import compose_stamps, compose_who
from broadcasts.models import Broadcast, Channel, Message, Segment
from tests.make import make_contact, make_contacts
from tests.recorder import Recorder

from .conftest import address, sign_in
from .steps_of import shown, step, typed

AT = {"scheduled_at_0": "2030-01-02", "scheduled_at_1": "09:00"}


@pytest.fixture
def client(author):
    return sign_in(author.user)


def page(client, broadcast, place):
    return client.get(step(broadcast, place)).content.decode()


def change(broadcast, **values):
    Broadcast.objects.filter(pk=broadcast.pk).update(**values)


# Who.


def test_who_asks_for_all_that_the_form_asks():
    assert set(compose_who.FIELDS) == {"name", "use_case", *Broadcast.WHO}


def test_each_use_case_says_what_it_does(client, draft):
    shown_page = page(client, draft, "who")
    assert "Leaves out everyone who unsubscribed" in shown_page
    assert "Also reaches people who unsubscribed from marketing" in shown_page


def test_marketing_names_the_cap_and_the_consent_of_the_organization(client, draft):
    draft.organization.__class__.objects.update(consent_required=True, frequency_cap=2, frequency_cap_days=7)
    shown_page = page(client, draft, "who")
    assert "Leaves out everyone who has not agreed to it" in shown_page
    assert "at most 2 of them in 7 days" in shown_page


def test_the_whole_audience_is_saved(client, draft):
    segment = Segment.objects.create(organization=draft.organization, name="Masters", kind="static")
    joe = make_contact(draft.organization, "second@example.com")
    changes = {
        "segments": [segment.pk],
        "excluded_segments": [segment.pk],
        "contacts": [joe.pk],
        "addresses": "new@example.com\n+34600000000",
        "query": '{"language": "es"}',
        "use_case": "marketing",
    }
    assert typed(client, draft, "who", **changes).json()["state"] == "saved"
    draft.refresh_from_db()
    assert list(draft.segments.all()) == list(draft.excluded_segments.all()) == [segment]
    assert list(draft.contacts.all()) == [joe]
    assert draft.addresses == ["mailto:new@example.com", "tel:+34600000000"]
    assert (draft.query, draft.use_case) == ({"language": "es"}, "marketing")


def test_everybody_can_be_unticked(client, draft):
    change(draft, send_to_all=True)
    data = shown(client, draft, "who")
    del data["send_to_all"]
    client.post(step(draft, "who"), data)
    draft.refresh_from_db()
    assert not draft.send_to_all


def test_a_segment_of_another_organization_is_refused(client, draft, elsewhere):
    segment = Segment.objects.create(organization=elsewhere, name="Theirs", kind="static")
    assert typed(client, draft, "who", segments=[segment.pk]).json()["state"] == "kept"
    assert not draft.segments.exists()


def test_wrong_rules_are_told_in_their_words(client, draft):
    words = typed(client, draft, "who", query='{"nonsense": 1}').json()["words"]
    assert any("nonsense" in one for one in words)


def test_rules_that_are_being_written_are_not_complete_yet(client, draft):
    for half in ('{"": null}', '{"all": [{"language": "en"}, {"language": null}]}'):
        assert typed(client, draft, "who", query=half).json()["words"] == ["Rules: A condition is not complete yet."]


def test_marketing_cannot_ignore_the_quiet_hours(client, draft):
    change(draft, ignore_quiet_hours=True)
    words = typed(client, draft, "who", use_case="marketing").json()["words"]
    assert words == ["Marketing keeps the quiet hours: only the use case general may ignore them."]


def test_groups_that_hold_something_are_open(client, draft):
    assert page(client, draft, "who").count("<details open>") == 0
    change(draft, addresses=["mailto:joe@example.com"])
    assert page(client, draft, "who").count("<details open>") == 1


def test_more_contacts_than_a_form_shows_are_counted_and_stay(client, draft):
    draft.contacts.set(make_contacts(draft.organization, 101))
    assert "101 contacts are chosen one by one" in page(client, draft, "who")
    assert typed(client, draft, "who", name="Many").json()["state"] == "saved"
    assert draft.contacts.count() == 101


# When.


def test_a_new_draft_is_sent_as_soon_as_somebody_sends_it(client, draft):
    assert shown(client, draft, "when")["way"] == ["now"]


def test_a_time_is_read_by_the_clock_of_the_organization(client, draft):
    draft.organization.__class__.objects.update(time_zone="Europe/Madrid")
    assert typed(client, draft, "when", way="at", **AT).json()["state"] == "saved"
    draft.refresh_from_db()
    assert (draft.scheduled_at, draft.local_time) == (datetime(2030, 1, 2, 8, tzinfo=UTC), False)


def test_a_time_by_the_recipients_clock_says_when_the_first_copies_leave(client, draft):
    typed(client, draft, "when", way="local", **AT)
    draft.refresh_from_db()
    assert draft.local_time
    assert "the first copies leave at 1 Jan 2030, 19:00" in page(client, draft, "when").replace("&#x27;", "'")


def test_going_back_to_now_forgets_the_time(client, draft):
    typed(client, draft, "when", way="at", **AT)
    assert typed(client, draft, "when", way="now", **AT).json()["state"] == "saved"
    draft.refresh_from_db()
    assert draft.scheduled_at is None


def test_a_way_without_a_time_asks_for_one(client, draft):
    assert typed(client, draft, "when", way="at").json()["words"] == ["Day and time: Choose a day and a time."]


def test_a_moment_in_the_past_is_refused(client, draft):
    assert (
        typed(client, draft, "when", **(AT | {"way": "at", "scheduled_at_0": "2020-01-02"})).json()["state"] == "kept"
    )


def test_an_expiry_is_saved(client, draft):
    typed(client, draft, "when", expires_at_0="2030-01-03", expires_at_1="18:00")
    draft.refresh_from_db()
    assert draft.expires_at == datetime(2030, 1, 3, 18, tzinfo=UTC)


def test_only_general_may_ignore_quiet_hours(client, draft):
    assert "ignore_quiet_hours" in page(client, draft, "when")
    change(draft, use_case="marketing")
    assert "ignore_quiet_hours" not in page(client, draft, "when")


def test_the_quiet_hours_of_its_channels_are_named(client, draft):
    draft.organization.__class__.objects.update(quiet_hours={"email": ["22:00", "08:00"], "sms": ["20:00", "09:00"]})
    assert "Email 22:00 to 08:00." in page(client, draft, "when").replace("E-mail", "Email")


def test_the_time_of_a_scheduled_broadcast_is_changed_by_an_action(client, draft):
    change(draft, status="SCHEDULED", scheduled_at=timezone.now())
    shown_page = page(client, draft, "when")
    assert address(draft, "schedule") in shown_page
    assert "scheduled_at_0" not in shown_page


# The card.


def test_the_card_tells_how_many_and_why_others_are_left_out(client, draft):
    change(draft, send_to_all=True)
    make_contact(draft.organization, "", full_name="No address")
    shown_page = page(client, draft, "who")
    assert ">1</strong> person" in shown_page
    assert "1 left out" in shown_page
    assert f"{address(draft, 'people')}?reason=no_address" in shown_page


def test_before_anything_is_written_people_count_as_if_it_were(client, draft):
    draft.first_message().translations.all().delete()
    change(draft, send_to_all=True)
    assert ">1</strong> person" in page(client, draft, "who")


def test_the_card_says_when_nobody_gets_it(client, draft):
    change(draft, send_to_all=False)
    assert "Nobody yet" in page(client, draft, "who")


def test_the_card_says_that_there_is_no_channel(client, draft):
    draft.messages.update(channel=None)
    Channel.objects.all().delete()
    assert "General, no channel yet" in page(client, draft, "who")


def test_many_contacts_are_counted_by_another_request(client, draft, monkeypatch):
    monkeypatch.setattr("broadcasts.admin.broadcast_views.AT_ONCE", 0)
    change(draft, send_to_all=True)
    shown_page = page(client, draft, "who")
    assert "Counting…" in shown_page
    assert ">1</strong> person" in client.get(address(draft, "card")).content.decode()


def test_the_card_names_the_template_that_a_provider_keeps(client, draft):
    message = draft.first_message()
    message.translations.update(subject="", text="")
    Message.objects.filter(pk=message.pk).update(
        template=draft.organization.templates.create(name="Reminder", medium="email")
    )
    assert "The template “Reminder”" in page(client, draft, "who")


@pytest.fixture
def recorder(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(Channel, "transport", lambda self: recorder)
    return recorder


def test_a_test_goes_to_who_asks(author, client, draft, recorder):
    answer = client.post(address(draft, "test_to_me"), headers={"Accept": "application/json"}).json()
    assert [one.address for one in recorder.received] == [author.user.email]
    assert answer == {"said": f"A test was sent to {author.user.email}.", "refused": ""}


def test_a_test_of_nothing_says_what_is_missing(client, draft, recorder):
    draft.first_message().translations.all().delete()
    answer = client.post(address(draft, "test_to_me"), headers={"Accept": "application/json"}).json()
    assert answer["refused"].startswith("No test was sent: ")
    assert recorder.received == []


def test_a_test_without_a_script_comes_back_to_the_step(client, draft, recorder):
    assert client.post(address(draft, "test_to_me"), {"step": "when"}).url == step(draft, "when")


def test_a_viewer_and_a_stranger_send_no_test(viewer, stranger, draft, recorder):
    assert sign_in(viewer.user).post(address(draft, "test_to_me")).status_code == 403
    assert sign_in(stranger.user).post(address(draft, "test_to_me")).status_code == 404


def test_a_viewer_sees_the_card_and_a_stranger_does_not(viewer, stranger, draft):
    card = sign_in(viewer.user).get(address(draft, "card"))
    assert (card.status_code, "<button" in card.content.decode()) == (200, False)
    assert sign_in(stranger.user).get(address(draft, "card")).status_code == 404


# Where the flow is entered.


def entry(broadcast):
    return reverse("admin:broadcasts_broadcast_compose_entry", args=[broadcast.pk])


def test_a_draft_opens_at_the_step_that_needs_something(client, draft):
    change(draft, send_to_all=False)
    assert client.get(entry(draft)).url == step(draft, "who")
    change(draft, send_to_all=True)
    assert client.get(entry(draft)).url == step(draft, "check")
    draft.first_message().translations.all().delete()
    assert client.get(entry(draft)).url == step(draft, "what")


def test_who_may_only_read_sees_the_page_of_a_draft(viewer, draft):
    assert sign_in(viewer.user).get(entry(draft)).url == address(draft, "change")


def test_the_list_leads_from_drafts_to_their_steps_and_from_others_to_their_pages(client, draft):
    address_of_list = reverse("admin:broadcasts_broadcast_changelist")
    assert f'href="{entry(draft)}"' in client.get(address_of_list).content.decode()
    change(draft, status="SENT")
    assert f'href="{address(draft, "change")}' in client.get(address_of_list).content.decode()


def test_the_dashboard_and_the_list_lead_to_the_start_page(client, draft):
    start = reverse("admin:broadcasts_broadcast_start")
    for name in ("admin:index", "admin:broadcasts_broadcast_changelist"):
        assert f'href="{start}"' in client.get(reverse(name)).content.decode()


@pytest.mark.menu
def test_adding_a_broadcast_in_the_menu_leads_to_the_start_page(client, draft):
    page_with_menu = client.get(reverse("admin:broadcasts_contact_changelist")).content.decode()
    assert reverse("admin:broadcasts_broadcast_start") in page_with_menu
    assert f'href="{reverse("admin:broadcasts_broadcast_add")}"' not in page_with_menu


def test_starting_blank_leads_into_the_flow(client, mail):
    begun = client.post(reverse("admin:broadcasts_broadcast_begin"), {"organization": mail.organization.pk})
    assert begun.url.startswith("/admin/broadcasts/broadcast/")
    assert Broadcast.objects.get().messages.count() == 1


def test_a_broadcast_without_a_message_gets_one_by_a_button(client, draft):
    draft.messages.all().delete()
    assert "This broadcast has no message yet." in page(client, draft, "what")
    goal = client.post(step(draft, "what")).url
    assert goal == reverse("admin:broadcasts_message_content", args=[draft.messages.get().pk])


def test_the_bar_tells_the_time_with_its_distance(client, draft):
    change(draft, scheduled_at=timezone.now() + timedelta(days=3))
    assert "in 3 days" in re.search(r'data-key="when".*?</a>', page(client, draft, "who"), re.DOTALL)[0]


# Stamps of lists, which tell of a conflict.


def chosen_stamp(broadcast, *contacts):
    broadcast.contacts.set(contacts)
    return compose_stamps.stamp(broadcast, "who")


def test_a_stamp_covers_every_row_of_a_long_list(draft):
    people = make_contacts(draft.organization, 303)
    first = chosen_stamp(draft, *people[:300])
    assert chosen_stamp(draft, *people[:299], people[302]) != first
    assert chosen_stamp(draft, *people[:299]) != first
    assert chosen_stamp(draft, *people[:300]) == first


def test_a_stamp_tells_lists_with_the_same_sum_apart(draft):
    a, b, c, d = make_contacts(draft.organization, 4)
    assert a.pk + d.pk == b.pk + c.pk
    assert chosen_stamp(draft, a, d) != chosen_stamp(draft, b, c)


def test_a_stamp_reads_no_row_of_a_list(draft, django_assert_num_queries):
    draft.contacts.set(make_contacts(draft.organization, 300))
    with django_assert_num_queries(len(Broadcast.WHO_LISTS)) as asked:
        compose_stamps.stamp(draft, "who")
    assert all("SUM(" in one["sql"] for one in asked)


def test_a_stamp_of_another_list_is_another_stamp(draft):
    groups = [Segment.objects.create(organization=draft.organization, name=f"{n}") for n in range(2)]
    stamps = set()
    for name in ("segments", "excluded_segments"):
        getattr(draft, name).set(groups)
        stamps.add(compose_stamps.stamp(draft, "who"))
        getattr(draft, name).clear()
    assert len(stamps) == 2
