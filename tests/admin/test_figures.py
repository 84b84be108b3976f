"""A figure is shown, offered and asked for only where it is measured; what was told all the same is shown too."""

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from broadcasts import tracking
from broadcasts.audience import Estimate
from broadcasts.models import Batch, Channel, Delivery, DeliveryEvent, ImportJob, Message
from tests.make import make_broadcast

from .conftest import NOW, make_log, sign_in


def page(name, *args) -> str:
    return reverse(f"admin:broadcasts_{name}", args=args)


def facts_on(client, broadcast) -> dict[str, int]:
    strip = client.get(page("broadcast_progress", broadcast.pk)).json()
    return {one["name"]: one["value"] for one in strip["facts"]}


def month(client) -> dict[str, tuple[int, str]]:
    return {one["name"]: (one["n"], one["share"]) for one in client.get(reverse("admin:index")).context["month"]}


def offered(client, address, parameter, **params) -> list[str]:
    [found] = [
        spec for spec in client.get(address, params).context["cl"].filter_specs if spec.parameter_name == parameter
    ]
    return [value for value, _ in found.lookup_choices]


@pytest.fixture
def client(viewer):
    return sign_in(viewer.user)


def test_the_run_page_shows_only_what_is_measured(client, mail):
    broadcast, _ = make_log(mail, ("sent", "sent"))
    assert facts_on(client, broadcast) == {"unsubscribed": 0}


def test_the_run_page_shows_what_its_transport_reports(client, mail, tracked):
    broadcast, _ = make_log(mail, ("sent", "sent"))
    assert facts_on(client, broadcast) == dict.fromkeys(
        ("delivered", "opened", "clicked", "replied", "unsubscribed"), 0
    )


def test_a_fact_that_was_told_all_the_same_is_shown(client, mail):
    broadcast, _ = make_log(mail, ("sent",))
    Batch.objects.update(opened=1)
    assert facts_on(client, broadcast) == {"opened": 1, "unsubscribed": 0}


def test_the_dashboard_counts_only_what_is_measured(client, mail):
    make_log(mail, ("sent", "failed"))
    assert month(client) == {"Sent": (1, ""), "Failed": (1, ""), "Unsubscribed": (0, "0.0%")}


def test_a_rate_is_of_the_copies_that_could_tell(client, club, mail, tracked):
    broadcast, _ = make_log(mail, ("sent", "sent"))
    printer = Channel.objects.create(organization=club, name="Printer", kind="console")
    other = Message.objects.create(broadcast=broadcast, channel=printer, position=1)
    Batch.objects.update(opened=1)
    Batch.objects.create(message=other, state="done", total=6, sent=6)
    found = month(client)
    assert (found["Opened"], found["Unsubscribed"]) == ((1, "50.0%"), (0, "0.0%"))


def test_every_number_of_the_dashboard_leads_to_its_rows(client, mail):
    make_log(mail, ("sent", "sent", "failed"))
    for one in client.get(reverse("admin:index")).context["month"]:
        assert len(client.get(one["url"]).context["cl"].result_list) == one["n"]


@pytest.mark.parametrize("address", ["delivery_changelist", "deliveryevent_changelist"])
def test_lists_offer_only_what_is_measured(client, mail, address):
    make_log(mail, ("sent",))
    parameter, of_sending = ("fact", []) if address == "delivery_changelist" else ("type", ["sent", "failed"])
    assert offered(client, page(address), parameter) == [*of_sending, "unsubscribed"]
    Batch.objects.update(clicked=1)
    assert offered(client, page(address), parameter) == [*of_sending, "clicked", "unsubscribed"]


def test_the_log_of_one_broadcast_offers_what_its_channel_measures(client, club, mail, tracked):
    printer = Channel.objects.create(organization=club, name="Printer", kind="console")
    broadcast, _ = make_log(printer, ("sent",))
    assert offered(client, page("delivery_changelist"), "fact", broadcast=broadcast.pk) == ["unsubscribed"]
    assert "opened" in offered(client, page("delivery_changelist"), "fact")


def test_a_copys_page_shows_what_is_measured_and_what_was_told(client, mail):
    _, (row,) = make_log(mail, ("sent",))
    assert "Opened at" not in client.get(page("delivery_change", row.pk)).content.decode()
    Delivery.objects.update(opened_at=NOW)
    text = client.get(page("delivery_change", row.pk)).content.decode()
    assert "Opened at" in text and "Clicked at" not in text


def test_an_event_of_any_type_is_found_by_its_address(client, mail):
    _, (row,) = make_log(mail, ("sent",))
    DeliveryEvent.objects.create(delivery=row, type="played", at=NOW)
    found = client.get(page("deliveryevent_changelist"), {"type": "played"}).context["cl"]
    assert [event.type for event in found.result_list] == ["played"]


def test_the_list_of_events_says_why_an_open_is_a_machines(client, mail):
    _, (row,) = make_log(mail, ("sent",))
    DeliveryEvent.objects.create(delivery=row, type="opened", at=NOW, machine=True, detail={"rule": "burst"})
    assert tracking.RULES["burst"] in client.get(page("deliveryevent_changelist")).content.decode()


def test_retargeting_offers_only_what_is_measured_and_says_why_not(author, mail):
    broadcast, _ = make_log(mail, ("sent", "failed"))
    client = sign_in(author.user)
    asked = client.get(page("broadcast_retarget", broadcast.pk)).content.decode()
    assert 'value="sent"' in asked and 'value="not_opened"' not in asked
    answer = client.post(page("broadcast_retarget", broadcast.pk), {"engagement": "not_opened"}, follow=True)
    assert "“Newsletter” (E-mail) does not report “opened”" in answer.content.decode()
    assert not broadcast.children.exists()


def test_a_form_marks_what_is_not_measured(author, mail):
    text = sign_in(author.user).get(page("broadcast_change", make_broadcast(mail).pk)).content.decode()
    assert "Was sent it and did not open it (not measured yet)" in text
    assert "Could not be reached (not measured yet)" not in text


def test_large_numbers_are_written_in_one_form_everywhere(author, club, mail, tracked, monkeypatch):
    client = sign_in(author.user)
    broadcast, _ = make_log(mail, ("sent",))
    Batch.objects.update(total=1200, sent=1200, unknown=1200, opened=1200)
    draft = make_broadcast(mail)
    ImportJob.objects.create(organization=club, filename="people.csv", rows=1200, created_count=1200)
    found = Estimate(1200, 1200, {"blocked": 1200}, {}, {}, None)
    monkeypatch.setattr("broadcasts.admin.broadcast_actions.estimate", lambda broadcast: found)
    pages = {
        reverse("admin:index"): 3,
        page("broadcast_change", broadcast.pk): 4,
        page("broadcast_recipients", draft.pk): 3,
        page("importjob_changelist"): 2,
    }
    for address, times in pages.items():
        text = strip_tags(client.get(address).content.decode())
        assert "1200" not in text and text.count("1,200") >= times, address
