"""How numbers, durations and moments are written, and that nothing writes them in another way."""

import ast
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.template import Context, Template
from django.utils import timezone
from django.utils.formats import localize

from broadcasts import formats

MADRID = ZoneInfo("Europe/Madrid")
AT = datetime(2026, 11, 29, 14, 11, 30, tzinfo=UTC)
BY_HAND = re.compile(r",|%|\.\d+[efg]")  # in the format of a value within an f-string
HELPERS = {"date_format", "intcomma", "localize", "naturaltime", "number_format", "strftime", "timesince", "timeuntil"}
FILTERS = re.compile(r"\|\s*(date|time|timesince|timeuntil|floatformat|intcomma|naturaltime|localize)\b")
# What writes for a machine, or in tables of its own.
EXCEPT = {
    "formats.py",
    "admin/quiet_hours.py",  # the value of an input
    "management/benchmarks",  # the figures of measurements, for developers
    "rendering/expressions",  # a language whose formats are defined elsewhere
    "rendering/mime.py",  # an identifier
    "transports/email_service/ses.py",  # the times of a signature
}


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (0, "0"),
        (12_830, "12,830"),
        (-1_000, "-1,000"),
        (0.25, "0.25"),
        (5.0, "5"),
        (10**16 + 1, "10,000,000,000,000,001"),
    ],
)
def test_a_number_is_told_with_a_comma_between_thousands(n, words):
    assert formats.number(n) == words


def test_a_number_may_have_so_many_decimals():
    assert (formats.number(1234.56, 1), formats.number(7, 2), formats.number(0.6, 0)) == ("1,234.6", "7.00", "1")


def test_a_small_rate_has_a_decimal_and_a_large_one_none():
    assert [formats.rate(n) for n in (0, 9.44, 10.4, 12_830)] == ["0.0", "9.4", "10", "12,830"]


def test_a_share_is_told_in_percent():
    assert (formats.percent(0.25), formats.percent(0.0123, 1)) == ("25%", "1.2%")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, ""), (0, ""), (0.5, "1 s"), (59, "59 s"), (61, "1 min 1 s"), (7200, "2 h"), (2 * 86_400 + 7, "2 d")],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds, words):
    assert formats.duration(seconds) == words


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(hours=17, minutes=20), "tomorrow 08:31 Europe/Madrid, in 17 hours"),
        (timedelta(seconds=42), "today 15:12 Europe/Madrid, in 42 seconds"),
        (timedelta(seconds=1), "today 15:11 Europe/Madrid, in 1 second"),
        (timedelta(minutes=90), "today 16:41 Europe/Madrid, in 90 minutes"),
        (timedelta(hours=8), "today 23:11 Europe/Madrid, in 8 hours"),
        (timedelta(hours=34), "1 Dec 2026, 01:11 Europe/Madrid, in 34 hours"),
        (timedelta(days=2), "1 Dec 2026, 15:11 Europe/Madrid, in 2 days"),
        (timedelta(days=1200), "13 Mar 2030, 15:11 Europe/Madrid, in 1,200 days"),
        (timedelta(0), "today 15:11 Europe/Madrid, now"),
        (-timedelta(minutes=5), "today 15:06 Europe/Madrid, 5 minutes ago"),
        (-timedelta(days=3), "26 Nov 2026, 15:11 Europe/Madrid, 3 days ago"),
    ],
)
def test_what_is_planned_is_told_in_words_with_how_far_it_is(ahead, words):
    assert formats.planned(AT + ahead, MADRID, AT) == words


def test_today_and_tomorrow_are_days_of_the_zone_that_is_told():
    at, now = datetime(2026, 11, 29, 23, 30, tzinfo=UTC), datetime(2026, 11, 29, 22, 30, tzinfo=UTC)
    assert formats.planned(at, MADRID, now) == "tomorrow 00:30 Europe/Madrid, in 60 minutes"
    assert formats.planned(at, now=now) == "today 23:30 UTC, in 60 minutes"


def test_a_clock_time_of_a_plan_that_comes_twice_is_told_with_its_distance_from_utc():
    at = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    told = formats.planned(at, MADRID, at - timedelta(minutes=30))
    assert told == "today 02:30 Europe/Madrid (UTC+02:00), in 30 minutes"


def test_a_moment_is_told_with_its_zone():
    assert formats.moment(AT, MADRID) == "29 Nov 2026, 15:11 Europe/Madrid"
    assert formats.moment(AT) == "29 Nov 2026, 14:11 UTC"


def test_a_moment_that_the_clocks_show_twice_is_told_with_its_distance_from_utc():
    assert formats.moment(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), MADRID).endswith("02:30 Europe/Madrid (UTC+02:00)")


def test_templates_write_as_the_code_does():
    text = "{% load formats %}{{ n|number }}; {{ n|rate }}; {{ s|duration }}; {{ at|day }}; {{ at|moment:zone }}"
    text += "; {{ at|planned:zone }}"
    found = Template(text).render(Context({"n": 12_830, "s": 61, "at": AT, "zone": MADRID}))
    planned = formats.planned(AT, MADRID)
    assert found == f"12,830; 12,830; 1 min 1 s; 29 Nov 2026; 29 Nov 2026, 15:11 Europe/Madrid; {planned}"


def test_a_template_writes_nothing_for_what_it_misses():
    text = '{% load formats %}{{ none|number }}{{ missing|moment }}{{ none|duration|default:"-" }}'
    assert Template(text).render(Context({"none": None})) == "-"


def test_moments_on_the_pages_of_django_are_told_the_same_way():
    with timezone.override(MADRID):
        local = timezone.localtime(AT)
        assert localize(local) == formats.moment(AT) == "29 Nov 2026, 15:11 Europe/Madrid"
        assert localize(local.date()) == formats.day(local)


def places(root, *endings):
    """The files below a folder of the project, but for the exceptions."""
    for path in sorted((settings.BASE_DIR / root).rglob("*")):
        name = str(path.relative_to(settings.BASE_DIR / root))
        if path.suffix in endings and "migrations" not in path.parts and not any(map(name.startswith, EXCEPT)):
            yield path


def written_by_hand(path: Path) -> set[int]:
    """The lines of a module that write a number or a moment in a way of their own."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FormattedValue) and node.format_spec and BY_HAND.search(ast.unparse(node.format_spec)):
            found.add(node.lineno)
        if isinstance(node, ast.Call) and (getattr(node.func, "attr", "") or getattr(node.func, "id", "")) in HELPERS:
            found.add(node.lineno)
    return found


def test_no_module_writes_a_number_or_a_moment_in_a_way_of_its_own():
    assert [f"{path}:{line}" for path in places("broadcasts", ".py") for line in written_by_hand(path)] == []


def test_no_template_writes_a_number_or_a_moment_in_a_way_of_its_own():
    every = [*places("templates", ".html", ".txt"), *places("broadcasts", ".html", ".txt")]
    assert [str(path) for path in every if FILTERS.search(path.read_text())] == []


def test_no_script_writes_a_number_or_a_moment_in_a_way_of_its_own():
    own = re.compile(r"toLocale\w*String|toFixed|\bIntl\.")
    scripts = [path for path in places("broadcasts/static", ".js") if path.name != "formats.js"]
    assert scripts and [str(path) for path in scripts if own.search(path.read_text())] == []
