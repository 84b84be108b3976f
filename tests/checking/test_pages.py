"""What the HTML of a mail shows: pictures and links, read as mail programs read them."""

import time

import pytest

from broadcasts.checking.pages import HtmlPage, read_html


@pytest.mark.parametrize(
    ("html", "links"),
    [
        ('<a href="https://club.org">Our <b>club</b></a>', [("Our club", "https://club.org")]),
        ('<a href="mailto:me@club.org">me@club.org</a>', [("me@club.org", "mailto:me@club.org")]),
        ('<a href=" https://club.org/?a=1&amp;b=2 ">Go</a>', [("Go", "https://club.org/?a=1&b=2")]),
        ('<a href="https://club.org"><img src="x" alt="Our pool"></a>', [("Our pool", "https://club.org")]),
        ('<a name="top">Top</a>', []),
        ('<a href="">Go</a>', [("Go", "")]),
        ('<a href="https://a.org">A<a href="https://b.org">B</a>', [("A", "https://a.org"), ("B", "https://b.org")]),
        ("<!-- <a href='https://club.org'>no</a> -->", []),
        ('<a href="https://club.org"><style>p {}</style>Go</a>', [("Go", "https://club.org")]),
    ],
)
def test_links_have_their_words_and_whole_addresses(html, links):
    assert read_html(html).links == links


def test_html_that_costs_more_than_a_copy_may_is_read_as_empty():
    begun = time.monotonic()
    assert read_html("<b>" * 200_000) == HtmlPage()
    assert time.monotonic() - begun < 2
