"""The public archive: a list, each mail as an unnamed reader gets it, and a feed."""

import re
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4
from xml.etree import ElementTree

import pytest

from broadcasts import archiving, links
from broadcasts.exceptions import NotReady, WrongState
from broadcasts.models import AuditEntry, Broadcast, Channel, Contact, Message, MessageTranslation, Organization
from broadcasts.public import archive
from broadcasts.public.archive_texts import ARCHIVE
from broadcasts.public.texts import TEXTS
from tests.make import make_broadcast, make_contact, make_delivery, make_picture

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOOP = "{% for a in (1..900) %}{% for b in (1..900) %}{% endfor %}{% endfor %}"
ATOM = "{http://www.w3.org/2005/Atom}"
HTML = (
    "<html><body><p>Hello {{ contact.first_name | default: 'reader' }}</p>"
    '<a href="https://club.example/x">More</a>'
    '<p>{% if contact.plan == "pro" %}For pros{% else %}For all{% endif %}</p>'
    '<p><a href="{{ web_url }}">In the browser</a> · <A class="x" HREF="{{ unsubscribe_url }}">Stop</A> · '
    '<a href="{{ preferences_url }}">Change</a></p></body></html>'
)


@pytest.fixture
def public(mail):
    Organization.objects.update(has_archive=True)
    mail.organization.refresh_from_db()
    return mail


def make_archived(channel, subject="May news", **fields):
    fields = {"status": "SENT", "started_at": NOON, "in_archive": True, "html": HTML, **fields}
    return make_broadcast(channel, subject=subject, **fields)


@pytest.fixture
def news(public):
    spanish = {"subject": "Noticias de mayo", "text": "Hola", "html": "<p>Hola {{ contact.name }}</p>"}
    return make_archived(public, translations={"es": spanish})


def url(broadcast, **asked):
    address = urlsplit(links.archived_url(broadcast.organization.slug, broadcast.uuid)).path
    return address + "".join(f"?{name}={value}" for name, value in asked.items())


LIST, FEED = "/archive/club/", "/archive/club/feed/"


def test_a_mail_is_shown_as_somebody_without_a_name_gets_it(client, news):
    page = client.get(url(news)).text
    assert "Hello reader" in page and "For all" in page and "For pros" not in page


def test_links_of_ones_own_are_left_out_and_the_browser_link_leads_here(client, news):
    page = client.get(url(news)).text
    assert "Stop</A>" not in page and "Change</a>" not in page
    assert not re.search(r"/[upwdcioth]/", page)
    assert page.count(links.archived_url("club", news.uuid)) >= 1
    assert '<a href="https://club.example/x">More</a>' in page


def test_the_footer_of_marketing_names_the_sender_without_links(client, public):
    public.organization.postal_address = "1 Pool Street"
    public.organization.save()
    shown = make_archived(public, html="<p>Sale</p>", use_case="marketing")
    page = client.get(url(shown)).text
    assert "1 Pool Street" in page and "nsubscribe" not in page and "/u/" not in page
    MessageTranslation.objects.update(html="", text="Sale")
    Broadcast.objects.get().save()
    page = client.get(url(shown)).text
    assert "1 Pool Street" in page and "nsubscribe" not in page and "/u/" not in page


def test_nothing_is_measured(client, public):
    public.track_opens = public.track_clicks = True
    public.save()
    shown = make_archived(public)
    Message.objects.update(track_opens=True, track_clicks=True)
    page = client.get(url(shown)).text
    assert '"https://club.example/x"' in page and "/o/" not in page and "/t/" not in page


@pytest.mark.parametrize("syntax", ["liquid", "expressions"])
def test_both_syntaxes_are_rendered_for_nobody(client, public, syntax):
    body = {"liquid": "<p>Hi {{ contact.name }}!</p>", "expressions": "<p>Hi @contact.name!@contact.uuid</p>"}[syntax]
    make_contact(public.organization, full_name="Joe")
    shown = make_archived(public, html=body, syntax=syntax)
    assert "<p>Hi !</p>" in client.get(url(shown)).text


def test_a_language_is_chosen_by_the_address(client, news):
    assert "Hola" in client.get(url(news, language="es")).text
    assert client.get(url(news, language="es-MX"))["Content-Language"] == "es"
    for unknown in ("fr", "x" * 400, "%00", "<b>"):
        assert client.get(url(news, language=unknown))["Content-Language"] == "en"


def test_the_page_leads_back_and_to_the_other_languages(client, news):
    page = client.get(url(news)).text
    assert f'href="{links.archive_url("club")}"' in page and "All mail of Swimming Club" in page
    assert "español" in page and f"{links.archived_url('club', news.uuid)}?language=es" in page
    assert "<title>May news | Swimming Club</title>" in page


def test_a_blank_title_of_a_mail_is_filled_and_another_stays_the_first(client, public):
    blank = make_archived(public, html="<html><head><title> </title></head><body>x</body></html>")
    page = client.get(url(blank)).text
    assert page.count("<title>") == 1 and "<head><title>May news | Swimming Club</title></head>" in page
    own = make_archived(public, html="<html><head><title>Own</title></head><body>x</body></html>")
    assert client.get(url(own)).text.index("<title>Own") < client.get(url(own)).text.index("<title>May news")


def test_nothing_in_a_mail_runs(client, news):
    policy = client.get(url(news))["Content-Security-Policy"]
    assert policy.startswith("sandbox ") and "allow-scripts" not in policy and "default-src 'none'" in policy


def test_a_text_is_shown_as_words(client, public):
    shown = make_archived(public, html="", body="Hello <b> {{ contact.name }}\n{{ unsubscribe_url }}\nBye")
    page = client.get(url(shown)).text
    assert "Hello &lt;b&gt; \nBye" in page and "noindex" not in page


def test_attached_files_are_not_shown_nor_read(client, public):
    shown = make_archived(public)
    media = make_picture(public.organization, "secret.png")
    MessageTranslation.objects.update(attachments=[str(media.uuid)])
    media.file.delete(save=False)
    answer = client.get(url(shown))
    assert answer.status_code == 200 and "secret" not in answer.text


def test_search_engines_and_caches_may_keep_the_pages(client, news):
    for address in (LIST, FEED, url(news)):
        answer = client.get(address)
        assert answer["Cache-Control"] == "public, max-age=300"
        assert "X-Robots-Tag" not in answer and "noindex" not in answer.text and not answer.cookies
        assert "Cookie" not in answer.get("Vary", "")


def test_a_page_that_has_not_changed_is_not_sent_again(client, news):
    for address in (LIST, FEED, url(news), url(news, language="es")):
        tag = client.get(address)["ETag"]
        assert client.get(address, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(url(news), headers={"If-None-Match": tag}).status_code == 200  # of another language
    news.organization.name = "Rowing Club"
    news.organization.save()
    assert client.get(LIST, headers={"If-None-Match": client.get(FEED)["ETag"]}).status_code == 200
    assert client.get(url(news, language="es"), headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        *({"status": one} for one in ("DRAFT", "FAILED")),
        {"status": "SCHEDULED", "scheduled_at": NOON},
        {"status": "SCHEDULED", "scheduled_at": NOON, "undo_until": NOON + timedelta(days=9999), "started_at": None},
        {"status": "CANCELLED", "started_at": None},
        {"in_archive": False},
    ],
)
def test_what_has_not_begun_or_is_not_marked_is_nowhere(client, news, change):
    Broadcast.objects.update(**change)
    assert client.get(url(news)).status_code == 404
    assert "May news" not in client.get(LIST).text and "May news" not in client.get(FEED).text


@pytest.mark.parametrize("status", ["SENDING", "PAUSED", "SENT", "CANCELLED"])
def test_what_has_begun_is_shown(client, news, status):
    Broadcast.objects.update(status=status)
    assert client.get(url(news)).status_code == 200 and "May news" in client.get(LIST).text


@pytest.mark.parametrize("change", [{"has_archive": False}, {"status": "suspended"}, {"slug": "other"}])
def test_without_an_archive_all_of_it_is_gone_at_once(client, news, change):
    assert client.get(LIST).status_code == 200
    Organization.objects.update(**change)
    for address in (LIST, FEED, url(news)):
        answer = client.get(address)
        assert answer.status_code == 404 and "no-store" in answer["Cache-Control"]
        assert answer["X-Robots-Tag"] == "noindex, nofollow"


def test_the_same_answer_for_what_is_not_public_and_what_does_not_exist(client, news, elsewhere):
    Organization.objects.update(has_archive=True)
    theirs = make_archived(Channel.objects.create(organization=elsewhere, kind="email"), subject="Theirs")
    draft = make_archived(news.messages.get().channel, status="DRAFT", started_at=None)
    told = {client.get(f"/archive/club/{one}/").text for one in (theirs.uuid, draft.uuid, uuid4())}
    assert len(told) == 1 and "There is nothing here" in told.pop()
    assert client.get("/archive/nobody/").status_code == 404


def test_only_mail_is_shown_and_of_several_messages_that_by_mail(client, public):
    sms = Channel.objects.create(organization=public.organization, kind="sms")
    assert client.get(url(make_archived(sms, subject="Code", html=""))).status_code == 404
    both = make_archived(sms, subject="Pool", html="")
    message = Message.objects.create(broadcast=both, channel=public, position=1)
    MessageTranslation.objects.create(message=message, language="en", subject="Pool by mail", html="<p>By mail</p>")
    assert "By mail" in client.get(url(both)).text
    page = client.get(LIST).text
    assert "Pool by mail" in page and "Code" not in page


def test_the_list_is_newest_first_in_pages(client, public, monkeypatch):
    monkeypatch.setattr(archive, "PER_PAGE", 2)
    for n in range(5):
        make_archived(public, subject=f"News {n}", started_at=NOON + timedelta(days=n))
    first, second, third = (client.get(f"{LIST}?page={n}").text for n in (1, 2, 3))
    assert re.findall(r"News \d", first) == ["News 4", "News 3"] and re.findall(r"News \d", third) == ["News 0"]
    assert 'rel="prev"' not in first and f'href="{links.archive_url("club")}?page=3" rel="next"' in second
    assert f'href="{links.archive_url("club")}" rel="prev"' in second and 'rel="next"' not in third
    assert {client.get(f"{LIST}?page={n}").status_code for n in ("4", "0", "-1", "x", "٣", "9" * 30)} == {404}


def test_an_empty_archive_says_so(client, public):
    assert "Nothing has been published here yet." in client.get(LIST).text
    feed = ElementTree.fromstring(client.get(FEED).content)
    assert feed.findtext(f"{ATOM}updated", "").startswith(f"{public.organization.created:%Y-%m-%dT%H:%M}")


def test_the_list_is_in_the_language_of_the_organization_and_names_those_of_each_mail(client, news):
    Organization.objects.update(languages=["es", "en"])
    page = client.get(LIST, headers={"Accept-Language": "de"}).text
    assert '<html lang="es">' in page and "Nuestros correos" in page
    assert "English" in page and "español" in page


def test_a_list_takes_few_queries_however_long_it_is(client, news, django_assert_num_queries):
    for n in range(8):
        make_archived(news.messages.get().channel, subject=f"News {n}")
    with django_assert_num_queries(4):  # organization, broadcasts, messages, translations
        assert client.get(LIST).text.count("<li>") == 9
    with django_assert_num_queries(4):
        client.get(FEED)


def test_a_page_that_was_read_is_not_rendered_again(client, news, monkeypatch):
    client.get(url(news))
    monkeypatch.setattr(archiving, "CompiledMessage", None)
    assert "Hello reader" in client.get(url(news)).text


def test_what_is_remembered_is_bounded(monkeypatch):
    kept = archiving._Kept()
    monkeypatch.setattr(archiving, "MOST_BYTES", 10_000)
    for n in range(20):
        kept.keep((n,), archiving.Rendered("", "", "", "x" * 1_000, "en", ""))
        kept.keep((n,), archiving.Rendered("", "", "", "x" * 1_000, "en", ""))
    assert kept.size == 10_000 and list(kept.rows) == [(n,) for n in range(15, 20)]


def test_mail_that_cannot_be_rendered_any_more_is_left_out(client, news):
    MessageTranslation.objects.filter(language="en").update(
        html="{{ contact.name | nofilter }}", subject="{{ contact.name | nofilter }}"
    )
    assert client.get(url(news)).status_code == 404
    assert client.get(LIST).text.count("<li>") == 0 and client.get(FEED).status_code == 200


def test_a_costly_subject_costs_a_list_no_more_than_a_copy(client, public):
    for n in range(5):
        make_archived(public, subject=LOOP, name=f"{n}")
    begun = time.monotonic()
    client.get(LIST)
    assert time.monotonic() - begun < 2


def test_hostile_words_are_words(client, public):
    bad = '<script>alert(1)</script>&"\x0b\ufffe'
    public.organization.name = bad.replace("\x0b", "")
    public.organization.save()
    shown = make_archived(public, subject=bad, html="<p>x</p>")
    MessageTranslation.objects.update(preheader=bad)
    assert "<script>alert" not in client.get(LIST).text
    assert "<script>alert" not in client.get(url(shown)).text
    feed = ElementTree.fromstring(client.get(FEED).content)
    assert feed.findtext(f"{ATOM}entry/{ATOM}title") == '<script>alert(1)</script>&" '
    assert feed.findtext(f"{ATOM}entry/{ATOM}summary") == "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot; "


def test_the_feed_is_atom_with_ids_that_stay(client, news):
    answer = client.get(FEED)
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert "sandbox" in answer["Content-Security-Policy"]
    feed = ElementTree.fromstring(answer.content)
    assert feed.findtext(f"{ATOM}id") == news.organization.uuid.urn
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == feed.findtext(f"{ATOM}title") == "Swimming Club"
    assert feed.find(f"{ATOM}link[@rel='self']").get("href") == links.feed_url("club")
    entry = feed.find(f"{ATOM}entry")
    told = {name: entry.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated", "published")}
    at = "2026-03-01T12:00:00+00:00"
    assert told == {"id": news.uuid.urn, "title": "May news", "updated": at, "published": at}
    assert entry.find(f"{ATOM}link").get("href") == links.archived_url("club", news.uuid)
    assert feed.findtext(f"{ATOM}updated") == at


def test_addresses_are_those_of_the_server_whatever_host_was_asked(client, news, settings):
    settings.ALLOWED_HOSTS = ["*"]
    for address in (LIST, FEED, url(news)):
        answer = client.get(address, headers={"Host": "evil.example"})
        assert "evil.example" not in answer.text + str(answer.headers)


def test_a_tracking_domain_serves_no_archive(client, news):
    Organization.objects.update(tracking_domain="links.club.example")
    assert client.get(LIST, headers={"Host": "links.club.example"}).status_code == 404
    assert client.get(url(news), headers={"Host": "links.club.example"}).status_code == 404


def test_a_page_changes_nothing(client, news):
    assert {client.post(address).status_code for address in (LIST, FEED, url(news))} == {405}


def test_erasing_people_leaves_the_archive_and_deleting_the_broadcast_empties_it(client, news):
    make_delivery(news)
    Contact.objects.all().delete()
    assert client.get(url(news)).status_code == 200
    news.messages.get().deliveries.all().delete()
    news.delete()
    assert client.get(url(news)).status_code == 404


def test_what_was_sent_is_put_in_and_taken_out(news, author):
    archiving.take_out(news, by=author.user)
    assert not news.in_archive and not archiving.is_listed(news)
    archiving.put(news, by=author.user)
    assert news.in_archive and archiving.is_listed(news)
    assert set(AuditEntry.objects.values_list("act", "user")) == {
        ("archive", author.user_id),
        ("unarchive", author.user_id),
    }


def test_what_cannot_be_shown_is_not_put_in(public):
    draft = make_broadcast(public)
    with pytest.raises(WrongState, match="tick"):
        archiving.put(draft)
    public.organization.has_archive = False
    sent = make_archived(public, in_archive=False)
    with pytest.raises(NotReady, match="no public archive"):
        archiving.put(sent)
    public.organization.has_archive = True
    sms = Channel.objects.create(organization=public.organization, kind="sms")
    with pytest.raises(NotReady, match="no mail"):
        archiving.put(make_archived(sms, html=""))


U = "https://x.example/u/nobody/"


@pytest.mark.parametrize(
    ("html", "left"),
    [
        (f'a <a href="{U}">Stop</a> b', "a  b"),
        (f'a <A\nclass=x href={U}><img src=y></A > b <a href="z">z</a>', 'a  b <a href="z">z</a>'),
        (f"<p>{U}</p>", "<p></p>"),
        (f'<a href="z">see {U}</a>', '<a href="z">see </a>'),
        (f'<abbr title="{U}">x</abbr>', '<abbr title="">x</abbr>'),
        (f'a <a href="{U}">never closed', "a "),
        (f'<a href="{U}', ""),
        (f'<a href="{U}">one</a><a href="{U}">two</a>three', "three"),
    ],
)
def test_a_link_is_cut_out_whole(html, left):
    assert archiving.without_link(html, U) == left


@pytest.mark.parametrize("piece", [f"<a {U}", f"<a href={U}>", f"{U}<", f"<a {U}<a ", U])
def test_cutting_links_out_takes_time_by_length_alone(piece):
    html = piece * (2_000_000 // len(piece))
    begun = time.process_time()
    archiving.without_link(html, U)
    archiving.without_link(html + ">", U)
    archiving.without_link(html + "></a>", U)
    assert time.process_time() - begun < 2


def test_every_language_of_the_pages_has_every_text():
    assert ARCHIVE.keys() == TEXTS.keys()
    assert {frozenset(words) for words in ARCHIVE.values()} == {frozenset(ARCHIVE["en"])}


BROKEN = "{{ contact.name | nofilter }}"


@pytest.fixture
def rendered(monkeypatch):
    """Which messages were rendered, and failed."""
    render, seen = archiving._rendered, []

    def count(message, *more):
        seen.append(message.pk)
        return render(message, *more)

    monkeypatch.setattr(archiving, "_rendered", count)
    return seen


@pytest.mark.parametrize("bad", [BROKEN, LOOP])
def test_mail_that_cannot_be_rendered_is_not_tried_again_by_reloading(client, public, rendered, bad):
    shown = make_archived(public, subject="May", html=f"<p>{bad}</p>")
    assert {client.get(url(shown)).status_code for _ in range(5)} == {404}
    assert len(rendered) == 1


@pytest.mark.parametrize("address", [LIST, FEED])
@pytest.mark.parametrize("bad", [BROKEN, LOOP])
def test_titles_that_cannot_be_rendered_are_not_tried_again_by_reloading(client, public, rendered, bad, address):
    make_archived(public, subject=bad)
    for _ in range(5):
        client.get(address)
    assert len(rendered) == 1


def test_a_costly_subject_hides_the_others_no_longer_than_one_look(client, public):
    april, may = (f"{{% for a in (1..3) %}}{month}{{% endfor %}}" for month in ("April", "May"))
    for name, subject in (("old", april), ("costly", LOOP), ("new", may)):
        make_archived(public, subject=subject, name=name)
    first = client.get(LIST)
    assert first["Cache-Control"] == "no-store" and "May" in first.text and "April" not in first.text
    client.get(LIST)
    third = client.get(LIST)
    assert "April" in third.text and "May" in third.text and third["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize("change", ["the message", "the time"])
def test_what_could_not_be_rendered_is_tried_again(client, public, monkeypatch, change):
    shown = make_archived(public, html=BROKEN)
    assert client.get(url(shown)).status_code == 404
    MessageTranslation.objects.update(html="<p>Mended</p>")
    assert client.get(url(shown)).status_code == 404
    if change == "the message":
        Broadcast.objects.get().save()
    else:
        later = time.monotonic() + archiving.FAILED_SECONDS + 1
        monkeypatch.setattr(archiving.time, "monotonic", lambda: later)
    assert "Mended" in client.get(url(shown)).text


def test_titles_neither_end_a_section_of_the_feed_nor_turn_what_follows(client, public):
    public.organization.name = "Club ]]><x>\u202e"
    public.organization.save()
    shown = make_archived(public, subject="]]><entry>&#0;\u202eevil\u2066\x1b", html="<p>x</p>")
    MessageTranslation.objects.update(preheader='</summary><script href="javascript:x">]]>')
    feed = ElementTree.fromstring(client.get(FEED).content)
    assert len(feed.findall(f"{ATOM}entry")) == 1
    assert feed.findtext(f"{ATOM}entry/{ATOM}title") == "]]><entry>&#0;evil"
    assert feed.findtext(f"{ATOM}title") == "Club ]]><x>"
    assert [one.get("href") for one in feed.iter(f"{ATOM}link")][-1] == links.archived_url("club", shown.uuid)
    assert "\u202e" not in re.search("<title>.*</title>", client.get(url(shown)).text)[0]


@pytest.mark.parametrize("page", ["0", "-1", "1001", "99999999999", "2", "x", "", "1.0", "１", "%00", "1;2", "' OR 1"])
def test_pages_that_are_not_there_are_not_found(client, news, page):
    assert client.get(LIST, {"page": page}).status_code == 404
    assert client.get(LIST, {"page": "1"}).status_code == 200


def test_a_retry_and_a_retarget_are_in_no_archive(client, news):
    for subject, made in (("Again", "retry"), ("To some", "retarget")):
        make_archived(news.messages.get().channel, subject=subject, in_archive=False, parent=news, origin=made)
    page = client.get(LIST).text + client.get(FEED).text
    assert "Again" not in page and "To some" not in page
