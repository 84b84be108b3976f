"""The report on a broadcast's page, from its numbers to their people, and the page of a period."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from django.urls import reverse

from broadcasts import tallying, tracking
from broadcasts.admin import charts
from broadcasts.models import Broadcast, Contact, Delivery, Link, Segment
from tests.make import make_broadcast, make_contact, make_delivery

from .conftest import address, messages_of, sign_in

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOG = reverse("admin:broadcasts_delivery_changelist")


class Links(HTMLParser):
    """The addresses and texts of the links of a page, and its style attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.styles: list[str] = []
        self.href = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.styles += [value for name, value in attrs if name == "style"]
        self.href = dict(attrs).get("href", "") if tag == "a" else ""

    def handle_data(self, data):
        if self.href and data.strip():
            self.found.append((data.strip(), self.href))


@pytest.fixture
def sent(mail, tracked):
    """Sent to three: one opened it on a phone and clicked, one failed, one was skipped; a machine opened it too."""
    broadcast = make_broadcast(mail, status="SENT", started_at=NOON, completed_at=NOON)
    joe, ann, bob = (make_contact(mail.organization, f"{name}@example.com") for name in ("joe", "ann", "bob"))
    copy = make_delivery(broadcast, joe)
    make_delivery(broadcast, ann, status="failed", sent_at=None, error="550 <ann@example.com> gone")
    make_delivery(broadcast, bob, status="skipped", sent_at=None, reason="bounced")
    link = Link.objects.create(message=broadcast.messages.get(), url="https://club.example/?a=1&b=2", digest="a")
    tracking.record(copy, "delivered", NOON)
    tracking.record(copy, "clicked", NOON + timedelta(minutes=5), detail={"device": "phone"}, link=link)
    tracking.record(copy, "opened", NOON, machine=True, detail={"rule": "agent"})
    while tallying.group_done():
        pass
    tallying.count_sent_of(broadcast.messages.all())
    return broadcast


@pytest.fixture
def client(author):
    return sign_in(author.user)


def report(client, broadcast) -> str:
    return client.get(address(broadcast, "report")).content.decode()


def test_the_page_of_a_broadcast_that_began_has_its_report(client, sent, mail):
    page = reverse("admin:broadcasts_broadcast_change", args=[sent.pk])
    assert 'id="report"' in client.get(page).content.decode()
    draft = reverse("admin:broadcasts_broadcast_change", args=[make_broadcast(mail).pk])
    assert 'id="report"' not in client.get(draft).content.decode()


def test_numbers_name_what_they_are_a_share_of_and_machines_stand_beside(client, sent):
    text = report(client, sent)
    assert "100.0% of 1 delivered" in text and "of 2 recipients" in text
    assert "and 1 by machines" in text


def test_every_number_leads_to_as_many_people(client, sent):
    found = Links(report(client, sent)).found
    numbers = [(int(text), href) for text, href in found if text.isdigit() and href.startswith(LOG)]
    assert len(numbers) > 15
    for n, href in numbers:
        if href.endswith(f"broadcast={sent.pk}"):
            continue  # recipients: the list has the skipped ones too
        assert len(client.get(href).context["cl"].result_list) == n, href


def test_a_reason_of_failure_has_the_servers_words_and_an_example(client, sent):
    text = report(client, sent)
    assert "550 &lt;…&gt; gone" in text
    example = next(href for words, href in Links(text).found if words == "Example")
    assert "ann@example.com" in client.get(example).content.decode()


def test_charts_are_valid_svg_with_a_title_and_no_style_of_their_own(client, sent):
    text = report(client, sent)
    drawings = [ElementTree.fromstring(one) for one in re.findall(r'<svg class="chart".*?</svg>', text)]
    assert [[child.tag for child in one[:2]] for one in drawings] == [["title", "desc"]] * 2
    assert "sent 1, delivered 1." in str(drawings[0][1].text) and "opened 1, clicked 1." in str(drawings[1][1].text)
    assert Links(text).styles == []


def test_a_report_that_has_not_changed_is_not_sent_again(client, sent):
    tag = client.get(address(sent, "report"))["ETag"]
    assert client.get(address(sent, "report"), headers={"If-None-Match": tag}).status_code == 304
    tracking.record(Delivery.objects.filter(status="sent").get(), "replied", NOON)
    assert client.get(address(sent, "report"), headers={"If-None-Match": tag}).status_code == 200


def test_a_report_reads_as_many_queries_for_many_links_and_domains(client, sent, django_assert_max_num_queries):
    message = sent.messages.get()
    Link.objects.bulk_create(Link(message=message, url=f"https://x.example/{n}", digest=str(n)) for n in range(30))
    with django_assert_max_num_queries(28):
        report(client, sent)


def test_the_page_of_a_broadcast_sums_its_batches_once(client, sent, django_assert_max_num_queries):
    make_broadcast(sent.messages.get().channel, status="SENT", started_at=NOON, completed_at=NOON)
    page = reverse("admin:broadcasts_broadcast_change", args=[sent.pk])
    with django_assert_max_num_queries(42) as captured:
        client.get(page)
    sums = [one["sql"] for one in captured if 'SUM("broadcasts_batch"."total")' in one["sql"]]
    assert len(sums) == 1


def test_a_report_of_others_is_not_found(stranger, sent):
    assert sign_in(stranger.user).get(address(sent, "report")).status_code == 404


def test_earlier_broadcasts_stand_beside(client, sent, mail):
    later = make_broadcast(mail, subject="Pool open", status="SENT", started_at=NOON)
    make_delivery(later)
    assert ("Pool closed", reverse("admin:broadcasts_broadcast_change", args=[sent.pk])) in Links(
        report(client, later)
    ).found


def test_the_people_of_a_list_become_a_segment_to_write_to(client, sent):
    make = f"{reverse('admin:broadcasts_delivery_segment')}?broadcast={sent.pk}&fact=clicked"
    assert make.replace("&", "&amp;") in client.get(LOG, {"broadcast": sent.pk, "fact": "clicked"}).content.decode()
    done = client.post(make, {"name": "Clickers"}, follow=True)
    segment = Segment.objects.get(name="Clickers")
    assert list(Contact.objects.filter(segment_members__segment=segment).values_list("email", flat=True)) == [
        "joe@example.com"
    ]
    assert "1 person is in “Clickers” now." in messages_of(done)


def test_the_people_of_a_list_are_sent_to_in_one_go(client, sent):
    make = f"{reverse('admin:broadcasts_delivery_segment')}?broadcast={sent.pk}&fact=clicked"
    proposed = client.get(make).context["form"]["name"].value()
    assert proposed == "Pool closed: clicked"
    client.post(make, {"name": proposed, "send": "yes"})
    draft = Broadcast.objects.exclude(pk=sent.pk).get()
    [segment] = draft.segments.all()
    assert (draft.name, segment.name, segment.contacts_count) == ("To Pool closed: clicked", proposed, 1)


def test_a_name_that_is_taken_is_told_beside_the_field(client, sent, club):
    Segment.objects.create(organization=club, name="Clickers", kind="static")
    make = f"{reverse('admin:broadcasts_delivery_segment')}?broadcast={sent.pk}"
    assert client.post(make, {"name": "clickers"}).context["form"].errors.keys() == {"name"}


def test_a_segment_is_made_by_who_may_write_and_of_ones_own(sent, viewer, stranger):
    make = f"{reverse('admin:broadcasts_delivery_segment')}?broadcast={sent.pk}"
    assert sign_in(viewer.user).get(make).status_code == 403
    assert sign_in(stranger.user).get(make).status_code == 404


def test_the_people_of_a_list_come_as_csv(client, sent):
    answer = client.get(reverse("admin:broadcasts_delivery_export"), {"broadcast": sent.pk, "status": "failed"})
    text = b"".join(answer.streaming_content).decode()
    assert "ann@example.com" in text and "joe@example.com" not in text


def test_a_link_of_others_lists_nobody(client, sent, elsewhere):
    other = Link.objects.get()
    Broadcast.objects.update(organization=elsewhere)
    assert list(client.get(LOG, {"link": other.pk}).context["cl"].result_list) == []


@pytest.mark.parametrize(("n", "top"), [(0, 2), (1, 2), (3, 4), (5, 10), (11, 20), (250, 400), (1000, 1000)])
def test_a_scale_ends_with_a_round_number(n, top):
    assert charts.nice(n) == top


def test_a_line_has_a_point_for_each_step_in_which_nothing_happened_too():
    points = [(NOON, {"sent": 4}), (NOON + timedelta(minutes=4), {"sent": 2})]
    drawn = charts.lines(points, {"sent": 0}, "minute", UTC, "Sent")
    line = drawn[drawn.index('points="') + 8 :].partition('"')[0].split()
    assert len(line) == 5 and len({point.partition(",")[0] for point in line}) == 5


# Across broadcasts.


def test_the_dashboard_leads_to_the_statistics_of_a_time(client, sent):
    assert reverse("admin:statistics") in client.get(reverse("admin:index")).content.decode()
    page = client.get(reverse("admin:statistics"), {"since": "2026-02-20", "until": "2026-03-01", "least": 1})
    assert {"name": "Clicked", "value": 1, "share": "100.0% of 1 delivered"} in page.context["totals"]
    assert [one["title"] for one in page.context["rankings"]][:2] == ["Highest open rate", "Highest click rate"]


def test_statistics_without_days_are_of_the_last_thirty(client, sent):
    page = client.get(reverse("admin:statistics"))
    assert page.context["totals"][0] == {"name": "Broadcasts", "value": 0, "share": ""}
    assert page.context["growth"]["rows"][0][1] == [3]


@pytest.mark.parametrize("asked", [{"since": "soon"}, {"since": "2026-03-02", "until": "2026-03-01"}, {"least": "-1"}])
def test_bad_days_are_told_beside_the_form(client, sent, asked):
    page = client.get(reverse("admin:statistics"), asked)
    assert page.status_code == 200
    assert page.context["form"].errors


def test_statistics_of_others_are_not_shown(stranger, sent, club):
    asked = {"since": "2026-02-20", "until": "2026-03-01"}
    client = sign_in(stranger.user)
    assert client.get(reverse("admin:statistics"), asked).context["totals"][0]["value"] == 0
    assert client.get(reverse("admin:statistics"), {**asked, "organization": club.pk}).context["form"].errors
