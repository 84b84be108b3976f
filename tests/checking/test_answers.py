"""Links are asked for in the background, within limits, by the rules for addresses that strangers choose."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import retention
from broadcasts.checking import answers, link_caller
from broadcasts.links import digest_of
from broadcasts.models import LinkCheck

from .site import Site, endless, endless_to_get, fine, only_get, says, silent, to


@pytest.fixture
def site():
    with Site() as site:
        yield site


def asked(club, *addresses: str) -> dict[str, str]:
    """Ask for addresses, and return {address: what is wrong}."""
    answers.known(club, addresses)
    answers.ask_due()
    return {row.address: row.fault for row in LinkCheck.objects.filter(checked_at__isnull=False)}


def fault(club, address: str) -> str:
    return asked(club, address)[address]


def test_a_page_that_answers_is_fine_and_asked_by_head_alone(club, site):
    assert fault(club, site.at("/pool")) == ""
    assert site.asked == ["HEAD /pool"]
    assert LinkCheck.objects.get().status_code == 200


def test_a_server_that_does_not_know_head_is_asked_by_get(club, site):
    assert fault(club, site.at("/pool", only_get)) == ""
    assert site.asked == ["HEAD /pool", "GET /pool"]


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_not_there_is_told(club, site, status):
    assert "no such page" in fault(club, site.at("/gone", says(status)))


def test_an_error_of_the_server_is_told(club, site):
    assert fault(club, site.at("/broken", says(500))) == "The server answered 500 Internal Server Error."


@pytest.mark.parametrize("status", [401, 403, 429, 503, 999])
def test_a_site_that_turns_programs_away_is_not_called_broken(club, site, status):
    assert fault(club, site.at("/shy", says(status))) == ""
    assert LinkCheck.objects.get().status_code == status


def test_redirects_are_followed(club, site):
    site.at("/new", fine)
    assert fault(club, site.at("/old", to("/new"))) == ""


def test_a_redirect_to_nothing_is_told(club, site):
    assert "no such page" in fault(club, site.at("/old", to(site.at("/gone", says(404)))))


def test_redirects_in_a_circle_end(club, site):
    assert fault(club, site.at("/round", to("/round"))) == "It leads on more than 5 times."
    assert len(site.asked) == 6


@pytest.mark.parametrize("target", ["javascript:alert(1)", "file:///etc/passwd", f"https://club.org/{'a' * 5000}"])
def test_a_redirect_to_what_no_browser_opens_is_not_followed(club, site, target):
    assert "no browser opens" in fault(club, site.at("/odd", to(target)))


PRIVATE = ["http://127.0.0.1:1/", "http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest/meta-data/"]


@pytest.mark.parametrize("address", [*PRIVATE, "http://localhost/", "http://2130706433/"])
def test_private_networks_are_not_asked(club, settings, address):
    settings.OPEN_NETWORKS = []
    assert "only this server's own network" in fault(club, address)


@pytest.mark.parametrize("address", ["http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/"])
def test_a_redirect_to_a_private_network_is_not_followed(club, site, address):
    found = fault(club, site.at("/trap", to(address)))
    assert "only this server's own network" in found


def test_an_endless_body_is_read_no_further_than_a_few_bytes(club, site):
    begun = time.monotonic()
    assert fault(club, site.at("/endless", endless_to_get)) == ""
    assert fault(club, site.at("/more", endless)) == ""
    assert time.monotonic() - begun < 5


def test_a_silent_server_costs_no_more_than_the_seconds_of_one_link(club, site, monkeypatch):
    monkeypatch.setattr(link_caller.LinkCaller, "timeout", 0.4)
    begun = time.monotonic()
    assert "did not answer in time" in fault(club, site.at("/silent", silent))
    assert time.monotonic() - begun < 3


def test_all_requests_of_one_link_together_have_an_end(club, site, monkeypatch):
    monkeypatch.setattr(answers, "SECONDS", 0.3)
    assert "did not answer within" in fault(club, site.at("/silent", silent))


def test_a_name_that_nobody_has_is_told(club):
    assert fault(club, "http://no-such-host.invalid/") != ""


@pytest.mark.parametrize(
    "address", ["http://[", "http://exa mple/", "http://a..b/", "https://\udcff/".encode("utf-8", "replace").decode()]
)
def test_an_address_that_is_none_is_told(club, address):
    assert fault(club, address) != ""


def test_an_answer_is_kept_for_a_day(club, site):
    address = site.at("/pool")
    asked(club, address)
    assert answers.known(club, [address])[address].status_code == 200
    answers.ask_due()
    assert site.asked == ["HEAD /pool"]


def test_an_answer_of_yesterday_is_asked_again_and_not_shown_meanwhile(club, site):
    address = site.at("/pool")
    asked(club, address)
    long_ago = timezone.now() - timedelta(hours=25)
    LinkCheck.objects.update(checked_at=long_ago, modified=long_ago)
    assert answers.known(club, [address]) == {}
    answers.ask_due()
    assert len(site.asked) == 2


def test_another_organization_s_answers_are_not_shown(club, elsewhere, site):
    address = site.at("/pool")
    asked(club, address)
    assert answers.known(elsewhere, [address]) == {}


def test_a_task_is_enqueued_for_new_links_and_not_again_at_each_look(club, site, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as first:
        answers.known(club, [site.at("/pool")])
    with django_capture_on_commit_callbacks() as again:
        answers.known(club, [site.at("/pool")])
    assert (len(first), len(again)) == (1, 0)


def test_a_task_that_was_lost_is_enqueued_again(club, site, django_capture_on_commit_callbacks):
    answers.known(club, [site.at("/pool")])
    LinkCheck.objects.update(modified=timezone.now() - timedelta(seconds=30))
    with django_capture_on_commit_callbacks() as again:
        answers.known(club, [site.at("/pool")])
    assert len(again) == 1


def claim(row: LinkCheck, **until) -> None:
    LinkCheck.objects.filter(pk=row.pk).update(asked_until=timezone.now() + timedelta(**until))


def test_a_link_that_another_task_asks_for_is_left_to_it(club, site):
    answers.known(club, [site.at("/theirs"), site.at("/ours")])
    claim(LinkCheck.objects.get(address=site.at("/theirs")), seconds=5)
    assert (answers.ask_due(), site.asked) == (1, ["HEAD /ours"])


def test_of_two_tasks_that_find_the_same_link_one_asks_for_it(club, site, monkeypatch):
    answers.known(club, [site.at("/pool")])
    take = answers.Asking._next

    def while_another_takes_it(self, busy):
        if row := take(self, busy):
            claim(row, seconds=5)
        return row

    monkeypatch.setattr(answers.Asking, "_next", while_another_takes_it)
    assert (answers.ask_due(), site.asked) == (0, [])


def test_a_link_whose_task_was_killed_is_asked_for_again(club, site):
    answers.known(club, [site.at("/pool")])
    claim(LinkCheck.objects.get(), seconds=-1)
    assert (answers.ask_due(), LinkCheck.objects.get().asked_until) == (1, None)


def test_all_tasks_together_ask_few_links_of_one_organization(club, site):
    answers.known(club, [site.at(f"/{n}") for n in range(answers.AT_ONCE_OF_ONE + 1)])
    for row in LinkCheck.objects.all()[: answers.AT_ONCE_OF_ONE]:
        claim(row, seconds=5)
    assert (answers.ask_due(), site.asked) == (0, [])


def test_a_task_with_slow_links_ends_after_seconds_and_another_goes_on(
    club, site, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(answers, "SECONDS", 0.4)
    monkeypatch.setattr(answers, "TASK_SECONDS", 0.5)
    answers.known(club, [site.at(f"/slow/{n}", silent) for n in range(3 * answers.AT_ONCE_OF_ONE)])
    begun = time.monotonic()
    with django_capture_on_commit_callbacks() as callbacks:
        answers.ask_due()
    assert (time.monotonic() - begun < 1.5, len(callbacks)) == (True, 1)


def test_a_slow_link_is_told_and_not_asked_again(club, site, monkeypatch):
    monkeypatch.setattr(answers, "SECONDS", 0.3)
    assert "did not answer within" in fault(club, site.at("/silent", silent))
    assert answers.ask_due() == 0


def test_a_task_whose_time_is_up_begins_no_more_links_and_enqueues_another(
    club, site, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(answers, "TASK_SECONDS", 0)
    answers.known(club, [site.at("/pool")])
    with django_capture_on_commit_callbacks() as callbacks:
        assert answers.ask_due() == 0
    assert len(callbacks) == 1


def test_links_that_no_page_asked_for_lately_are_left_alone(club, site):
    answers.known(club, [site.at("/pool")])
    LinkCheck.objects.update(modified=timezone.now() - timedelta(hours=2))
    assert (answers.ask_due(), site.asked) == (0, [])


def test_an_organization_with_slow_links_does_not_keep_others_waiting(club, elsewhere, site, monkeypatch):
    monkeypatch.setattr(answers, "SECONDS", 2)
    answers.known(club, [site.at(f"/slow/{n}", silent) for n in range(20)])
    answers.known(elsewhere, [site.at("/quick")])
    asking = answers.Asking(seconds=2.5)
    asking.run()
    assert LinkCheck.objects.filter(organization=elsewhere, status_code=200).exists()
    assert LinkCheck.objects.filter(organization=club, checked_at=None).count() == 20 - answers.AT_ONCE_OF_ONE


def test_prune_forgets_links_that_nobody_asked_for_in_a_month(club):
    for days, address in ((31, "https://club.org/old"), (29, "https://club.org/new")):
        row = LinkCheck.objects.create(organization=club, address=address, digest=digest_of(address))
        LinkCheck.objects.filter(pk=row.pk).update(modified=timezone.now() - timedelta(days=days))
    assert retention.prune()["answers of links"] == 1
    assert LinkCheck.objects.get().address == "https://club.org/new"
