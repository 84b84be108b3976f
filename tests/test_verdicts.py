"""Who fetched it, a person or a machine: each rule, and what it leaves to people."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from itertools import count, permutations

import pytest
from django.conf import settings

from broadcasts.tracking import RULES
from broadcasts.tracking.agents import agent_of
from broadcasts.tracking.verdicts import Fetch, is_within, judge, moments
from tests.tracked import CHROME, GMAIL, IPHONE

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SENT = NOON - timedelta(hours=1)
NEW = NOON - timedelta(minutes=1)
NETWORKS = [ip_network("192.0.2.0/24")]
SCANNER = {"user_agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/99", "ip_address": "198.51.100.1"}
_ids = count(1)


def fetched(kind="click", seconds=0.0, link=None, **fields) -> Fetch:
    given = {"ip_address": "203.0.113.9", "user_agent": CHROME, **fields}
    if kind == "click" and link is None:
        link = 1
    return Fetch(id=next(_ids), kind=kind, link=link, at=NOON + timedelta(seconds=seconds), **given)


def rules(*fetches, sent_at=SENT, links=9) -> list[str]:
    [moment] = moments(fetches)
    return judge(moment, sent_at, links, NETWORKS)


@pytest.mark.parametrize(
    ("rule", "fetch"),
    [
        ("", fetched()),
        ("", fetched("open")),
        ("head", fetched(is_head=True)),
        ("head", fetched("open", is_head=True, is_prefetch=True)),
        ("prefetch", fetched(is_prefetch=True, user_agent="curl/8")),
        ("hidden", fetched("hidden")),
        ("hidden", fetched("hidden", user_agent="curl/8")),
        ("user_agent", fetched(user_agent="")),
        ("user_agent", fetched(user_agent="python-requests/2.32")),
        ("user_agent", fetched("open", user_agent="Barracuda Sentinel (EE)")),
        ("user_agent", fetched(user_agent=GMAIL)),  # it fetches pictures only
        ("user_agent", fetched(user_agent="Mozilla/5.0")),
        ("", fetched("open", user_agent=GMAIL)),
        ("privacy_proxy", fetched("open", user_agent="Mozilla/5.0")),
        ("network", fetched(ip_address="192.0.2.7")),
        ("", fetched("open", ip_address="192.0.2.7")),
        ("", fetched(ip_address=None)),
    ],
)
def test_a_single_fetch_is_judged_by_what_it_says_and_whence_it_comes(rule, fetch):
    assert rules(fetch) == [rule]


@pytest.mark.parametrize(("seconds", "rule"), [(-2, "early"), (0, "early"), (4.9, "early"), (5.1, ""), (3600, "")])
def test_nobody_clicks_within_seconds_of_sending(seconds, rule):
    sent_at = NOON - timedelta(seconds=seconds)
    assert rules(fetched(), sent_at=sent_at) == [rule]
    assert rules(fetched("open"), sent_at=sent_at) == [""]


def test_when_it_was_sent_may_be_unknown():
    assert rules(fetched(), sent_at=None) == [""]


def test_three_links_within_seconds_are_a_burst():
    assert rules(*(fetched(link=n, seconds=n) for n in range(3)), sent_at=NEW) == ["burst"] * 3


def test_a_person_may_open_three_links_in_tabs_an_hour_later():
    clicks = [fetched(link=n, seconds=1.5 * n) for n in range(3)]
    assert rules(*clicks) == [""] * 3
    assert rules(*(fetched(link=n, seconds=0.4 * n) for n in range(3))) == ["burst"] * 3
    assert rules(*(fetched(link=n, seconds=0.6 * n) for n in range(8))) == ["burst"] * 8


@pytest.mark.parametrize(
    "clicks",
    [
        [(1, 0), (2, 1)],
        [(1, 0), (1, 0.1), (1, 0.2), (1, 0.3)],  # the same again
        [(1, 0), (2, 4), (3, 8)],
    ],
)
def test_fewer_or_slower_clicks_are_no_burst(clicks):
    told = rules(*(fetched(link=link, seconds=seconds) for link, seconds in clicks), sent_at=NEW)
    assert told == [""] * len(clicks)


@pytest.mark.parametrize(("links", "seconds", "rule"), [(2, 1, "burst"), (2, 3, ""), (3, 1, "")])
def test_all_links_at_once_are_a_burst_also_if_there_are_two(links, seconds, rule):
    assert rules(fetched(link=1), fetched(link=2, seconds=seconds), links=links, sent_at=NEW) == [rule] * 2


def test_the_only_link_is_no_burst():
    assert rules(fetched(link=1), fetched(link=1, seconds=1), links=1) == ["", ""]


def test_an_open_within_a_burst_is_the_scanner_s_and_another_s_is_not():
    burst = [fetched(link=n, seconds=1, **SCANNER) for n in range(3)]
    told = rules(fetched("open", **SCANNER), *burst, fetched("open", seconds=2, user_agent=IPHONE), sent_at=NEW)
    assert told == ["burst"] * 4 + [""]


def test_who_follows_the_hidden_link_is_a_machine_in_all_it_fetched():
    told = rules(fetched(link=1, **SCANNER), fetched("hidden", seconds=8, **SCANNER), fetched("open", 9, **SCANNER))
    assert told == ["hidden"] * 3


def test_what_is_fetched_around_the_hidden_link_is_a_machine_s_from_elsewhere_too():
    hidden = fetched("hidden", seconds=5, **SCANNER)
    assert rules(fetched(seconds=3), hidden, fetched(seconds=7)) == ["hidden"] * 3
    assert rules(fetched(seconds=1), fetched("hidden", seconds=5, **SCANNER), fetched(seconds=9)) == ["", "hidden", ""]


def test_an_early_click_takes_the_open_of_its_program_with_it():
    told = rules(fetched("open", **SCANNER), fetched(seconds=1, **SCANNER), sent_at=NOON)
    assert told == ["early", "early"]
    assert rules(fetched("open"), fetched(seconds=1, **SCANNER), sent_at=NOON) == ["", "early"]


def test_a_head_request_makes_no_machine_of_the_person_who_follows():
    assert rules(fetched(is_head=True), fetched(seconds=1)) == ["head", ""]


def test_a_person_an_hour_later_is_another_moment():
    first, later = moments([fetched(seconds=3600), fetched(), fetched(seconds=9)])
    assert (len(first), len(later)) == (2, 1)


def test_the_order_of_rows_does_not_matter():
    fetches = [fetched(link=1, **SCANNER), fetched(link=2, seconds=1), fetched("hidden", 2), fetched("open", 3)]
    told = []
    for order in permutations(fetches):
        [moment] = moments(order)
        told.append(dict(zip((one.id for one in moment), judge(moment, SENT, 9, NETWORKS), strict=True)))
    assert all(one == told[0] for one in told)


def test_every_rule_is_explained():
    assert list(RULES) == ["head", "prefetch", "hidden", "burst", "early", "user_agent", "network", "privacy_proxy"]


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (CHROME, "desktop"),
        (IPHONE, "phone"),
        ("Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", "tablet"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36", "phone"),
        ("Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 Chrome/141.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT_X18) AppleWebKit/537.36 Chrome/99.0 Mobile Safari/537.36", "phone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)", "desktop"),
        ("Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Microsoft Outlook 16.0.17328; ms-office)", "desktop"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0", "desktop"),
        (GMAIL, ""),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", ""),
        ("Something/1.0", ""),
    ],
)
def test_a_user_agent_tells_the_device_of_a_person(agent, device):
    found = agent_of(agent)
    assert (found.device, found.is_machine) == (device, False)


@pytest.mark.parametrize(
    "agent",
    ["", "  ", "curl/8.5.0", "Slackbot-LinkExpanding 1.0", "WhatsApp/2.23", "Googlebot/2.1", "Go-http-client/2.0",
     "Mozilla/5.0 (compatible; bingbot/2.0)", "facebookexternalhit/1.1", "Mozilla/5.0 HeadlessChrome/141.0",
     "SkypeUriPreview Preview/0.5", "Mimecast Link Scanner"],
)  # fmt: skip
def test_programs_are_known_by_their_names(agent):
    assert agent_of(agent).is_machine


def test_the_shipped_networks_are_those_of_mail_filters_and_no_person_s():
    assert is_within("40.107.1.1", settings.SCANNING_NETWORKS)
    assert is_within("2a01:111:f403::1", settings.SCANNING_NETWORKS)
    assert not is_within("203.0.113.9", settings.SCANNING_NETWORKS)
