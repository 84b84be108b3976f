"""Links in odd places, as an independent parser reads them before and after they are tracked."""

from html.parser import HTMLParser

import pytest

from broadcasts import links
from broadcasts.rendering.tracked_copies import MarkedSource, Tracking
from broadcasts.rendering.tracked_links import find_links

BASE, KEY = "https://go.club.example", "KEY"
ADDRESS = "https://shop.example/a?b=1#c"
LONG = f"https://shop.example/{'x' * 1_979}"


class Reader(HTMLParser):
    """Reads a mail with the standard library's parser, and in comments for Outlook what Outlook reads."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.hrefs: list[str] = []
        self.rest: list[object] = []  # all else
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        tracked = tag in ("a", "area") or tag.startswith("v:")
        named = dict(reversed(attrs))
        if tracked and "href" in named:
            self.hrefs.append((named.pop("href") or "").strip().replace("\n", ""))
        self.rest.append((tag, named))

    def handle_endtag(self, tag):
        self.rest.append(tag)

    def handle_data(self, data):
        self.rest.append(data)

    def handle_comment(self, data):
        if data.startswith("[if") and not data.endswith("<!"):
            inside = Reader(data.partition(">")[2].removesuffix("<![endif]"))
            self.hrefs += inside.hrefs
            self.rest += inside.rest
        else:
            self.rest.append(("comment", data))


def tracked(source: str, syntax: str = "plain") -> tuple[str, dict[str, str]]:
    """Return HTML with tracked addresses, and {tracked address: where it leads}."""
    urls = {link.url: number for number, link in enumerate(find_links(source, syntax, html=True), 1)}
    tracking = Tracking(BASE, opens=False, clicks=True, message_id=7, ids=urls)
    marked = MarkedSource(source, syntax, tracking, html=True)
    assert marked.original(marked.source) == source
    return marked.tracked(marked.source, KEY), {links.tracked_url(BASE, KEY, urls[url]): url for url in urls}


@pytest.mark.parametrize(
    ("html", "led"),
    [
        (f'<a href="{ADDRESS}">x</a>', [ADDRESS]),
        (f"<a href='{ADDRESS}'>x</a>", [ADDRESS]),
        (f"<a class=b href={ADDRESS} id=c>x</a>", [ADDRESS]),
        (f"<a href={ADDRESS}/>x</a>", [f"{ADDRESS}/"]),
        (f"<A HREF = \n'{ADDRESS}'TITLE=x>x</A>", [ADDRESS]),
        (f'<a\n\thref\n=\n"\n {ADDRESS} \n">x</a>', [ADDRESS]),
        ('<a href="https://shop.example/\n  a">x</a>', ["https://shop.example/  a"]),
        ('<a href="HTTPS://Shop.Example/A">x</a>', ["HTTPS://Shop.Example/A"]),
        (
            '<a href="https://shop.example/?a=1&amp;b=2&copy=3&amp;lt;">x</a>',
            ["https://shop.example/?a=1&b=2&copy=3&lt;"],
        ),
        ('<a href="https://shop.example/%C3%BC?u=https%3A%2F%2Fa&#x26;b">x</a>', None),
        ('<a href="https://bücher.example/straße#ä">x</a>', ["https://bücher.example/straße#ä"]),
        ('<a href="https://shop.example/it\'s">x</a>', ["https://shop.example/it's"]),
        ("<a href='https://shop.example/?q=\">b\"'>x</a>", ['https://shop.example/?q=">b"']),
        (f'<a href="{LONG}">x</a>', [LONG]),
        (f"<table><tr><td><table><tr><td><a href={ADDRESS}><img src={ADDRESS}></a></table></table>", [ADDRESS]),
        (f'<map><area shape=rect href="{ADDRESS}" coords="1,1,2,2"></map>', [ADDRESS]),
        (f'<!--[if mso]><v:roundrect href="{ADDRESS}" arcsize="5%"><w:anchorlock/><![endif]-->', [ADDRESS]),
        (f'<!--[if (gte mso 9)|(IE)]><a href="{ADDRESS}">x</a><![endif]--><a href="{ADDRESS}">y</a>', [ADDRESS] * 2),
        (f'<!--[if !mso]><!--><a href="{ADDRESS}">x</a><!--<![endif]-->', [ADDRESS]),
        (f'<a title=">" href="{ADDRESS}">x</a>', [ADDRESS]),
        (f'<a href="{ADDRESS}"><b>&lt;a href="{ADDRESS}"&gt;</b></a>', [ADDRESS]),
        (f'1 < 2 <a href="{ADDRESS}">x</a> <3', [ADDRESS]),
        (f'<!doctype html><?xml version="1.0"?><a href="{ADDRESS}">x</a>', [ADDRESS]),
        (
            f'<base href="https://shop.example/"><a href="/relative">x</a><a href="{ADDRESS}">x</a>',
            ["/relative", ADDRESS],
        ),
    ],
)
def test_a_link_leads_to_the_same_address_and_nothing_else_is_changed(html, led):
    before = Reader(html)
    changed, leads = tracked(html)
    after = Reader(changed)
    assert after.rest == before.rest
    assert [leads.get(href, href) for href in after.hrefs] == (led or before.hrefs)
    assert any(href in leads for href in after.hrefs)


@pytest.mark.parametrize(
    "html",
    [
        '<a href="mailto:a@club.example?body=https://a.example">x</a>',
        '<a href="tel:+155"></a><a href=sms:+155></a><a href="#top"></a><a href></a><a href=""></a>',
        '<a href="/page"></a><a href="page.html"></a><a href="//shop.example/"></a><a href="javascript:x()"></a>',
        '<a href="https:"></a><a href="https://"></a><a href="https:/a"></a><a href="https:\\\\a\\b"></a>',
        '<img src="https://a.example/1.png" srcset="https://a.example/2.png 2x"><link href="https://a.example/a.css">',
        "<style>a { background: url(https://a.example/) } /* <a href='https://a.example'> */</style>",
        "<!-- <a href='https://a.example'>x</a> --><title><a href='https://a.example'></title>",
        "<textarea><a href='https://a.example'></textarea><script>'<a href=\"https://a.example\">'</script>",
        "<a data-href='https://a.example' xhref='https://a.example' hrefs=https://a.example>https://a.example</a>",
        "<a href='#' href='https://a.example'>x</a>",
        "<abbr href='https://a.example'>x</abbr></a href='https://a.example'>",
        "<a href='https://a.example",
        "<!--[if mso]><a href='https://a.example'>",
        f"<a href='{BASE}/u/x/'></a><a href='{BASE}/t/x/1/'></a><a href='http://localhost:8000/p/x/'></a>",
    ],
)
def test_what_is_no_link_to_the_web_is_left_as_it_is(html):
    assert tracked(html)[0] == html


@pytest.mark.parametrize(
    ("source", "urls"),
    [
        ('{% if a %}<a href="https://a.example">{% else %}<a href="https://b.example">{% endif %}', "ab"),
        ('<a {% if a %}href="https://a.example"{% else %}href="https://b.example"{% endif %}>x</a>', "ab"),
        ("{% comment %}<a href='https://a.example'>{% endcomment %}<a href='https://b.example'>", "b"),
        ("{% capture x %}<a href='https://a.example'>{% endcapture %}{{ x | url_encode }}", ""),
        ("{% raw %}<a href='https://a.example'>{% endraw %}", "a"),
        ("<a title='{{ '>' }}' href='https://a.example'>{% for x in y %}<a href=https://b.example>{% endfor %}", "ab"),
    ],
)
def test_tags_around_links_do_not_hide_them(source, urls):
    assert [link.url for link in find_links(source, "liquid", html=True)] == [f"https://{one}.example" for one in urls]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('<a href="https://a.example/{{ contact.uuid }}?x">', ["https://a.example/{{ contact.uuid }}?x"]),
        ('<a href="{{ contact.site }}">', ["{{ contact.site }}"]),
        ('<a href="{% if a %}https://a.example{% else %}mailto:x{% endif %}">', None),
        ('<a href="ht{{ contact.site }}"><a href="mailto:{{ contact.site }}">', ["ht{{ contact.site }}"]),
        ('<a href="{{ unsubscribe_url }}"><a href="{{- preferences_url | escape }}">', []),
        ('<a href="https://a.example/{% if a %}b" title="{% endif %}">', []),
    ],
)
def test_an_address_with_tags_is_personal(source, found):
    links_ = find_links(source, "liquid", html=True)
    assert all(link.is_personal for link in links_)
    assert [link.url for link in links_] == (found if found is not None else [source[9:-2]])


def test_an_address_that_only_looks_like_one_with_tags_is_sealed_too():
    source = "{% raw %}<a href='https://a.example/{{ x }}'>{% endraw %}<a href='https://a.example/&#123;{'>"
    found = find_links(source, "liquid", html=True)
    assert [(link.url, link.is_personal) for link in found] == [
        ("https://a.example/{{ x }}", True),
        ("https://a.example/{{", True),
    ]


def test_expressions_in_an_address_make_it_personal():
    source = "<a href='https://a.example/@contact.uuid?a=@(1 > 2)'><a href=https://b.example/@@me><a href='https://c.example'>"
    found = find_links(source, "expressions", html=True)
    assert [link.is_personal for link in found] == [True, True, False]
    assert found[0].url == "https://a.example/@contact.uuid?a=@(1 > 2)"


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("See https://a.example/b.", ["https://a.example/b"]),
        ("(https://a.example/b_(c)), <https://b.example>", ["https://a.example/b_(c)", "https://b.example"]),
        ("[x](https://a.example/?q=1&copy=2)!", ["https://a.example/?q=1&copy=2"]),
        ("HTTP://a.example\nand xhttps://b.example, a@b.example", ["HTTP://a.example"]),
        ("https://a.example/{{ contact.uuid }}, {{ unsubscribe_url }}", ["https://a.example/{{ contact.uuid }}"]),
        ("https://a.example{% if a %}, or b{% endif %}.", ["https://a.example"]),
        ("https:// and https://. and www.a.example", []),
    ],
)
def test_addresses_in_a_text_are_found_without_the_punctuation_around_them(text, urls):
    assert [link.url for link in find_links(text, "liquid", html=False)] == urls


@pytest.mark.parametrize(
    "source", ["<!--[if a]>" * 20_000, "<a href='" * 20_000, "<a " * 50_000, "<" * 99_999, "&" * 9_999]
)
def test_finding_links_takes_a_single_pass(source):
    assert find_links(source, "plain", html=True) == []
