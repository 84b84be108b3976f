"""What recipients read."""

import pytest

from broadcasts import links, septets
from broadcasts.exceptions import InvalidInput, RenderError
from broadcasts.models import Channel, Contact
from broadcasts.rendering import Recipient, compile_message, footers, preview
from tests.make import make_broadcast, make_contact

pytestmark = pytest.mark.one_database


def read(mail, contact=None, language=None, **content):
    """Render a fresh broadcast for a contact."""
    contact = contact or make_contact(mail.organization, full_name="Ana Maria Gómez", attributes={"plan": "pro"})
    return preview(make_broadcast(mail, **content).messages.get(), contact, language)


def test_a_template_names_the_contact_the_organization_and_the_broadcast(mail, club):
    club.globals = {"pool": "North"}
    club.save()
    body = "{{ contact.first_name }}/{{ contact.plan }}/{{ contact.attributes.plan }}/{{ organization.name }}"
    body += "/{{ globals.pool }}/{{ organization.pool }}/{{ broadcast.name }}/{{ language }}"
    assert read(mail, body=body, subject="News").text == "Ana/pro/pro/Swimming Club/North/North/News/en"


def test_an_attribute_never_hides_the_contact_s_own_name(mail, club):
    contact = make_contact(club, full_name="Ana", attributes={"name": "Mallory"})
    assert read(mail, contact, body="{{ contact.name }} {{ contact.attributes.name }}").text == "Ana Mallory"


def test_what_a_contact_does_not_have_is_left_empty(mail, club):
    assert read(mail, make_contact(club), body="Plan: {{ contact.plan }}.").text == "Plan: ."


def test_years_of_dates_have_four_digits(mail, club):
    body = "{{ '0900-01-05' | date: '%d/%m/%Y %%Y' }} {{ '1990-01-05' | date: '%-d.%-m.%Y' }}"
    assert read(mail, make_contact(club), body=body).text == "05/01/0900 %Y 5.1.1990"


def test_values_are_escaped_in_html_and_nowhere_else(mail, club):
    contact = make_contact(club, full_name="<b>Tom & Co</b>")
    content = dict.fromkeys(("subject", "body", "html"), "{{ contact.name }}")
    rendered = read(mail, contact, **content)
    assert rendered.subject == rendered.text == "<b>Tom & Co</b>"
    assert rendered.html == "&lt;b&gt;Tom &amp; Co&lt;/b&gt;"


def test_each_recipient_reads_its_own_language(mail, club):
    broadcast = make_broadcast(mail, subject="Hello", translations={"es": {"subject": "Hola", "text": "Buenas"}})
    compiled = compile_message(broadcast.messages.get())
    contact = make_contact(club)
    assert compiled.languages == ["en", "es"]
    assert compiled.envelope(Recipient("k", contact.email, "es", contact)).subject == "Hola"
    assert compiled.envelope(Recipient("k", contact.email, "en", contact)).subject == "Hello"


@pytest.mark.parametrize(("language", "subject"), [("es-MX", "Hola"), ("es", "Hola"), ("fr", "Hello"), ("", "Hello")])
def test_a_preview_is_in_the_language_the_contact_would_get(mail, club, language, subject):
    contact = make_contact(club, language=language)
    assert read(mail, contact, subject="Hello", translations={"es": {"subject": "Hola"}}).subject == subject


def test_plain_content_is_not_a_template(mail, club):
    broadcast = make_broadcast(mail, body="{{ contact.name }}")
    broadcast.messages.update(syntax="plain")
    assert preview(broadcast.messages.get(), make_contact(club)).text == "{{ contact.name }}"


def test_html_alone_gets_a_text_part_that_can_be_read(mail):
    html = """<html><head><style>p {}</style><title>T</title></head><body><![if !mso]>
      <h1>Pool &amp; sauna</h1><p>Come   <b>early</b>,<br>see <a href="https://x.example/a?b=1&amp;c">the plan</a>.</p>
      <ul><li>One</li><li>Two</li></ul><script>x()</script><![endif]></body></html>"""
    text = read(mail, body="", html=html).text
    assert text == "Pool & sauna\n\nCome early,\nsee the plan (https://x.example/a?b=1&c).\n\n- One\n- Two"


@pytest.mark.parametrize(
    "html", ["<!", "<![", "<![ %", "<!x[", "<?", "</", "<a", "<!--", "</a></a>", "<p>&#0;&#xD800;&bogus;"]
)
def test_broken_html_is_read_as_well_as_it_goes(mail, html):
    assert read(mail, body="", html=f"<p>Hello</p>{html}").text.startswith("Hello")


def test_a_preheader_stands_hidden_at_the_start_of_the_body(mail):
    broadcast = make_broadcast(mail, html="<html><BODY class='x'><p>Hi</p></BODY></html>")
    broadcast.messages.get().translations.update(preheader="For {{ contact.name }}")
    html = preview(broadcast.messages.get(), Contact(full_name="<Ana>", email="a@example.com")).html
    assert "<BODY class='x'><div style=\"display:none;max-height:0\">For &lt;Ana&gt;</div><p>Hi</p>" in html


def test_marketing_without_a_way_out_gets_one(mail, club):
    club.postal_address = "1 Pool Road\nMadrid <ES>"
    club.save()
    rendered = read(mail, use_case="marketing", body="Hi", html="<body>Hi</body>", base_language="es", language="es")
    token = links.delivery_token(0)
    leave, choose = links.unsubscribe_url(token), links.preferences_url(token)
    assert rendered.text.endswith(f"1 Pool Road\nMadrid <ES>\nPreferencias: {choose}\nDarse de baja: {leave}\n")
    ways = f'<a href="{choose}">Preferencias</a> · <a href="{leave}">Darse de baja</a>'
    assert f"1 Pool Road<br>Madrid &lt;ES&gt;<br>{ways}</p></body>" in rendered.html


def test_marketing_with_its_own_way_out_is_left_alone(mail):
    own = "Leave: {{ unsubscribe_url }}"
    rendered = read(mail, use_case="marketing", body=own, html=own)
    assert rendered.text == rendered.html == f"Leave: {links.unsubscribe_url(links.delivery_token(0))}"


@pytest.fixture
def texts(club):
    club.postal_address = "1 Pool Road, Madrid"
    club.save()
    return Channel.objects.create(organization=club, name="Texts", kind="sms", from_address="+34600000000")


def test_marketing_by_sms_says_how_to_stop_and_no_more(texts):
    text = read(texts, use_case="marketing", body="The pool is open again on Monday. Join us!").text
    assert text == "The pool is open again on Monday. Join us!\nSwimming Club. Reply STOP to unsubscribe."
    assert septets.segments(text) == 1


@pytest.mark.parametrize("language", footers.REPLY)
def test_the_words_for_stopping_fit_into_cheap_segments(language):
    assert septets.encoding_of(footers.REPLY[language]) == septets.GSM and "STOP" in footers.REPLY[language]


def test_a_text_with_its_own_words_for_stopping_is_left_alone(texts):
    assert read(texts, use_case="marketing", body="Open again! STOP ends this.").text == "Open again! STOP ends this."


def test_a_sender_nobody_can_reply_to_gets_a_link(texts):
    texts.from_address = "Club"
    texts.save()
    text = read(texts, use_case="marketing", body="Open again! STOP ends this.").text
    leave = links.unsubscribe_url(links.delivery_token(0))
    assert text == f"Open again! STOP ends this.\nSwimming Club. Unsubscribe: {leave}"


def test_general_messages_get_no_footer(mail):
    assert read(mail, body="Hi").text == "Hi"


def test_an_empty_subject_falls_back_to_the_organization_s_then_to_the_name(mail, club):
    assert read(mail, subject="", name="Summer").subject == "Summer"
    club.default_subject = "News from the club"
    club.save()
    assert read(mail, subject="{{ contact.nothing }}", name="Summer").subject == "News from the club"


@pytest.mark.parametrize(
    "body",
    [
        "Half {{ 1 | divided_by: contact.zero }}",
        "{% for i in (1..1000) %}{% for j in (1..1000) %}x{% endfor %}{% endfor %}",
        "{% for i in (1..99999999999) reversed %}x{% endfor %}",
        "{{ (1..99999999999) | join }}",
        "{% assign x = 'xxxxxxxx' %}{% for i in (1..90) %}{% assign x = x | append: x %}{% endfor %}",
    ],
)
def test_what_fails_while_rendering_is_an_error_and_never_half_a_message(mail, body):
    with pytest.raises(RenderError, match=r"translations\.en\.text"):
        read(mail, body=body)


def test_the_checksum_follows_the_content(mail):
    message = make_broadcast(mail).messages.get()
    before = compile_message(message).checksum
    assert compile_message(message).checksum == before and len(before) == 64
    message.translations.update(preheader="Now")
    assert compile_message(message).checksum != before


def test_broken_content_is_told_with_field_and_line_when_compiled(mail):
    message = make_broadcast(mail, body="Hi\n{{ contact.name").messages.get()
    with pytest.raises(InvalidInput, match=r"translations\.en\.text: line 2"):
        compile_message(message)


def test_rendering_asks_the_database_nothing(mail, club, django_assert_num_queries):
    compiled = compile_message(make_broadcast(mail, use_case="marketing").messages.get())
    compiled.prepare()
    contact = make_contact(club)
    with django_assert_num_queries(0):
        compiled.envelope(Recipient("k", contact.email, "en", contact))
