"""The lines about what looks like spam."""

import pytest

from broadcasts.checking.wording import shows_another, subject_faults
from tests.make import make_broadcast

from .asked import WORDS, details, level

pytestmark = pytest.mark.usefixtures("joe")


@pytest.mark.parametrize(
    ("subject", "faults"),
    [
        ("Pool closed", 0),
        ("POOL CLOSED TODAY", 1),
        ("POOL", 0),
        ("NASA GO", 0),
        ("ヨガ クラス 変更 のお知らせ", 0),
        ("Great news!!", 0),
        ("Great! Cheap! Now!", 1),
        ("Re: your order", 1),
        ("FWD: your order", 1),
        ("AW: Bestellung", 1),
        ("Regarding the pool", 0),
        ("RE: BUY NOW CHEAP!!!", 3),
    ],
)
def test_a_subject_shouts_or_pretends(subject, faults):
    assert len(subject_faults(subject)) == faults


def test_a_plain_subject_is_fine(mail):
    assert level(make_broadcast(mail), "subject_style") == "ok"


def test_a_shouting_subject_is_warned_of_with_what_is_wrong(mail):
    broadcast = make_broadcast(mail, subject="BUY NOW CHEAP!!!")
    assert details(broadcast, "subject_style") == ["English: all capital letters", "English: many exclamation marks"]


PICTURE = '<img src="https://club.org/a.png" alt="All that we say is in this picture">'


def test_a_picture_with_few_words_is_warned_of(mail):
    assert level(make_broadcast(mail, html=f"{PICTURE}<p>{{{{ contact.name }}}}, hi</p>"), "few_words") == "warning"


def test_a_picture_beside_words_is_fine(mail):
    assert level(make_broadcast(mail, body="", html=f"{PICTURE}<p>{WORDS}</p>"), "few_words") == "ok"


def test_the_footer_that_is_added_gives_a_picture_no_words(mail, marketing):
    broadcast = marketing(make_broadcast(mail, html=PICTURE))
    mail.organization.postal_address = "A long address, " * 20
    mail.organization.save()
    assert level(broadcast, "few_words") == "warning"


def test_words_alone_are_not_asked_about_pictures(mail):
    assert level(make_broadcast(mail, html="<p>Hi</p>"), "few_words") is None


def test_a_text_part_that_is_made_from_the_html_is_fine(mail):
    assert level(make_broadcast(mail, body="", html=f"<p>{WORDS}</p>"), "text_part") == "ok"


def test_a_text_part_that_says_something_else_is_warned_of(mail):
    html = f"<p>{' '.join(f'word{n}' for n in range(30))}</p>"
    broadcast = make_broadcast(mail, body="See the web version", html=html)
    assert details(broadcast, "text_part") == ["English: the text part has few of the HTML's words"]


def test_an_empty_text_part_is_warned_of(mail):
    html = '<img src="https://club.org/a.png" alt="">'
    assert details(make_broadcast(mail, body="", html=html), "text_part") == ["English: the text part is empty"]


def test_a_short_text_beside_short_html_is_fine(mail):
    assert level(make_broadcast(mail, body="Closed", html="<p>The pool is shut</p>"), "text_part") == "ok"


def test_mail_of_text_alone_has_no_other_part(mail):
    assert level(make_broadcast(mail), "text_part") is None


@pytest.mark.parametrize("fields", [{"body": "https://bit.ly/x"}, {"html": '<a href="https://bit.ly/x">Go</a>'}])
def test_a_link_shortener_is_warned_of_in_text_and_html(mail, fields):
    assert level(make_broadcast(mail, **fields), "shorteners") == "warning"


def test_a_whole_address_is_fine(mail):
    assert level(make_broadcast(mail, body="https://club.org/bit.ly"), "shorteners") == "ok"


def test_without_links_nothing_can_be_short(mail):
    assert level(make_broadcast(mail), "shorteners") is None


@pytest.mark.parametrize(
    ("words", "address", "is_another"),
    [
        ("Our club", "https://club.org/", False),
        ("club.org", "https://club.org/pool", False),
        ("www.club.org", "https://club.org/", False),
        ("https://club.org/pool", "https://shop.club.org/", False),
        ("bank.com", "https://club.org/", True),
        ("https://bank.com/login", "https://bank.com.evil.org/", True),
        ("Read more...", "https://club.org/", False),
        ("me@bank.com", "mailto:me@club.org", False),
        ("bank.com", "http://[", False),
    ],
)
def test_the_words_of_a_link_show_another_domain(words, address, is_another):
    assert shows_another(words, address) is is_another


def test_a_link_that_shows_another_domain_is_warned_of(mail):
    broadcast = make_broadcast(mail, html='<a href="https://club.org/">bank.com</a>')
    assert details(broadcast, "deceptive_links") == ["English: “bank.com” leads to club.org"]


def test_an_honest_link_is_fine(mail):
    assert level(make_broadcast(mail, html='<a href="https://club.org/">club.org</a>'), "deceptive_links") == "ok"
