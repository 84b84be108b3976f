"""Markdown, MJML and HTML sources, and their errors at the line."""

import re

import pytest

from broadcasts.exceptions import InvalidInput

from .made import made, refused, text_of

COLUMN = "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"


def markdown(source: str, **fields) -> str:
    return made("markdown", source=source, **fields).html


def mjml(source: str, **fields) -> str:
    return made("mjml", source=source, **fields).html


def mjml_errors(source: str) -> str:
    return refused(format="mjml", source=source)["source"]


def test_markdown_becomes_html_with_styles():
    document = markdown(
        "# Hi {{ contact.name }}\n\nSee **[this]({{ globals.url }})**, ~~not~~ that.\n\n|a|b|\n|-|-|\n|1|2|"
    )
    assert re.search(r'<h1 style="[^"]*">Hi {{ contact.name }}</h1>', document)
    assert re.search(r'<strong><a href="{{ globals.url }}" style="[^"]*">this</a></strong>, <s>not</s>', document)
    assert "<td>1</td>" in document


def test_tags_on_their_own_lines_of_markdown_are_no_paragraphs():
    document = markdown("{% if contact.name %}\n- one\n- two\n{% endif %}\n\nBye {% if contact.email %}now{% endif %}.")
    assert re.search(r"{% if contact.name %}\s*<ul", document)
    assert re.search(r"</ul>\s*{% endif %}\s*<p", document)
    assert ">Bye {% if contact.email %}now{% endif %}.</p>" in document


def test_tags_in_code_of_markdown_survive():
    assert "<code>{% if x %}\n{% endif %}\n</code>" in markdown("```\n{% if x %}\n{% endif %}\n```")


def test_scripts_in_markdown_are_left_out_and_told():
    result = made("markdown", source="Hi <script>alert(1)</script><b onclick='x'>you</b> [x](javascript:alert(1))")
    assert "<script" not in result.html
    assert "onclick" not in result.html
    assert 'href="javascript' not in result.html
    assert result.warnings == [
        "source: <script>, onclick=… was left out, since mail does not show it or it could do harm."
    ]


def test_an_html_source_is_cleaned_and_keeps_its_layout():
    source = '<div style="padding:4px"><table width="300"><tr><td bgcolor="#ff0000">x</td></tr></table></div>'
    document = made("html", source=source + "<iframe src='x'></iframe><!--[if mso]>x<![endif]-->").html
    assert '<table width="300">' in document
    assert 'bgcolor="#ff0000"' in document
    assert "iframe" not in document


def test_html_without_a_source_stays_as_it_was_typed():
    assert made("html", html="<p onclick=x>as typed").html == "<p onclick=x>as typed"


@pytest.mark.parametrize("format", ["blocks", "html", "markdown", "mjml"])
def test_nothing_written_has_no_html(format):
    assert made(format, source=" ").html == ""


def test_text_and_other_media_have_no_html():
    assert made("text", html="<p>old</p>").html == ""


def test_mjml_becomes_html_with_its_tags():
    source = COLUMN.format(
        "{% if contact.name %}<mj-text>Hi <b>{{ contact.name }}</b> &amp; all<br>x < 3</mj-text>{% endif %}"
        '<mj-button href="{{ globals.url | default: "https://x" }}">Go</mj-button><mj-divider />'
    )
    document = mjml(source)
    assert "<tbody>{% if contact.name %}<tr>" in document
    assert "Hi <b>{{ contact.name }}</b> &amp; all<br>x &lt; 3</div>" in document
    assert 'href="{{ globals.url | default: "https://x" }}"' in document
    assert "fonts.googleapis" not in document


def test_rows_of_a_table_in_mjml_may_be_repeated():
    document = mjml(COLUMN.format("<mj-table>{% for x in y %}<tr><td>{{ x }}</td></tr>{% endfor %}</mj-table>"))
    assert "{% for x in y %}<tr><td>{{ x }}</td></tr>{% endfor %}" in document


def test_sections_of_mjml_alone_stand_in_our_document():
    document = mjml("<mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section>")
    assert text_of(document) == "Hi"
    assert "prefers-color-scheme" in document


def test_inline_styles_of_mjml_are_written_into_the_elements():
    head = '<mjml><mj-head><mj-style inline="inline">.x b{color:#ff0000}</mj-style><mj-style>.y{}</mj-style></mj-head>'
    body = (
        '<mj-body><mj-section><mj-column><mj-text css-class="x"><b>z</b></mj-text></mj-column></mj-section></mj-body>'
    )
    document = mjml(f"{head}{body}</mjml>")
    assert '<b style="color: #ff0000;">z</b>' in document
    assert ".y{}" in document
    assert ".x b" not in document


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (COLUMN.format("\n<mj-txt>x</mj-txt>"), "line 2: <mj-txt> is no element of MJML; did you mean <mj-text>?"),
        (COLUMN.format("\n<p>x</p>"), "line 2: <p> is no element of MJML; HTML stands in mj-text or mj-raw."),
        ("<mjml>\n\n<mj-include path='/etc/passwd' /></mjml>", "line 3: <mj-include>: files are not included"),
        ("<mjml><mj-body>\n<mj-include path='https://x.example/' /></mj-body></mjml>", "line 2: <mj-include>"),
        ("<mjml><mj-head><mj-preview>x</mj-preview></mj-head></mjml>", "line 1: <mj-preview>: write it in the field"),
        ("<mjml><mj-body>\n<mj-text>x</mj-text></mj-body></mjml>", "line 2: <mj-text> cannot stand in <mj-body>"),
        (COLUMN.format("\nwords"), "line 2: “words” cannot stand in <mj-column>; words stand in mj-text."),
        (COLUMN.format("\n{{ contact.name }}"), "line 2: “{{ contact.name }}” cannot stand in <mj-column>"),
        (COLUMN.format("<mj-text>\nx"), "line 1: <mj-text> is never closed."),
        ("<mjml>\n<mj-body>\n<mj-section>", "line 3: <mj-section> is never closed."),
        ("<mjml>\n</mj-body></mjml>", "line 2: </mj-body> closes nothing here; <mjml> is still open."),
        (
            COLUMN.format('\n<mj-text {% if x %}align="left"{% endif %}>x</mj-text>'),
            "line 2: “{% if x %}” in <mj-text>",
        ),
        (COLUMN.format('\n<mj-button href="javascript:x">x</mj-button>'), "line 2: href of <mj-button>: “javascript:”"),
        (COLUMN.format('\n<mj-image src="file:///etc/passwd" />'), "line 2: src of <mj-image>: “file:”"),
        (COLUMN.format('\n<mj-text onclick="x">x</mj-text>'), "line 2: <mj-text> has no attribute onclick."),
        (
            COLUMN.format(
                '<mj-social><mj-social-element name="x" href="https://x.com">x</mj-social-element></mj-social>'
            ),
            "src",
        ),
        ("<mjml><mj-head><mj-style></style><script></mj-style></mj-head></mjml>", "CSS only"),
        (
            COLUMN.format("\n{% if contact.name %}<mj-divider />"),
            "line 2: {% if contact.name %} begins or ends outside",
        ),
        (COLUMN.format("<!-- \n <mj-text>"), "line 1: a comment is never closed"),
        (COLUMN.format("\n<mj-text>{{ a }}\n{% if b %}</mj-text>"), "line 3: {% if b %} begins or ends outside"),
        ("<mj-body>" * 3, "line 1: <mj-body> cannot stand in <mj-body>"),
        ("words", "line 1: “words” cannot stand"),
    ],
)
def test_wrong_mjml_is_refused_at_its_line(source, words):
    assert words in mjml_errors(source)


def test_lines_are_counted_behind_tags_of_several_lines():
    assert mjml_errors(COLUMN.format('\n<mj-image src="{{\n globals.a\n}}" />\n<mj-x />')).startswith("line 5: <mj-x>")


def test_unsafe_html_within_mjml_is_cleaned():
    inner = '<mj-text><script>x</script><b onload="x">y</b></mj-text><mj-raw height="1"><iframe></iframe></mj-raw>'
    document = mjml(COLUMN.format(inner))
    assert "<script" not in document.partition("</head>")[2]
    assert "onload" not in document
    assert "<iframe" not in document


def test_values_of_attributes_cannot_end_them():
    document = mjml(COLUMN.format("<mj-image src='https://x.example/a.png' alt='\" onerror=\"x' />"))
    assert 'alt="&quot; onerror=&quot;x"' in document


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_a_block_of_tags_that_never_ends_is_refused_at_its_line(format):
    with pytest.raises(InvalidInput) as caught:
        made(format, source="Hi\n\n{% if contact.name %}\n\nyou")
    assert caught.value.errors["source"].startswith("line 3: {% if contact.name %} begins a block that never ends")
