"""The editors of content in a real browser, under the policy of the pages."""

import json

import pytest

from .browser import DRIVER

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]


@pytest.fixture
def page(browser, live_server, settings):
    """Open the page with the editors, and wait for them; the console stays empty."""
    settings.ROOT_URLCONF = "tests.stories.editors_page"

    def opened(query=""):
        browser.open(f"{live_server.url}/editors/{query}")
        browser.wait_for("document.querySelector('.block') && document.querySelector('.ace_content')")
        return browser

    yield opened
    assert [error for error in browser.errors if "favicon" not in error] == []


def held(browser, name):
    return browser.value(f"document.querySelector('[name={name}]').value")


def types(browser):
    return [block["type"] for block in json.loads(held(browser, "blocks"))]


def focus(browser, css):
    browser.run(f"document.querySelector({json.dumps(css)}).focus()")


def opened_text(browser, place):
    """Open a block, and wait for the editor of its rich text."""
    browser.click(f"[data-place='{place}'] .block-toggle")
    browser.click(".is-open .rich-words")
    browser.keys("ctrl+end")


def test_blocks_are_added_moved_and_deleted_by_keyboard(page):
    browser = page()
    focus(browser, ".blocks > .blocks-list > .blocks-end button")
    browser.keys("enter", "d", "enter")
    assert types(browser) == ["heading", "text", "columns", "divider"]
    focus(browser, "[data-place='3'] .block-toggle")
    browser.keys("alt+up")
    assert browser.text(".blocks-status") == "Divider moved: 1 of 1, column 2."
    assert browser.value("document.activeElement.closest('.block').dataset.place") == "2,1,0"
    browser.keys("delete")
    assert browser.text(".blocks-status") == "Divider deleted. Undo"
    browser.keys("ctrl+z", "ctrl+z", "ctrl+z")
    assert types(browser) == ["heading", "text", "columns"]


def test_a_block_is_dragged_into_a_column(page):
    browser = page()
    browser.drag("[data-place='0'] .block-handle", ".block-column:nth-child(2) .blocks-end")
    browser.wait(lambda: types(browser) == ["text", "columns"])
    assert json.loads(held(browser, "blocks"))[1]["columns"][1]["blocks"][0]["text"] == "Hello"


def test_merge_fields_are_chips_and_stay_the_code_that_they_are(page):
    browser = page()
    opened_text(browser, 1)
    browser.keys(*"Hi {{ contact.name }} ")
    browser.click(".is-open .rich-tools [aria-label='Insert a merge field']")
    browser.wait_for("document.querySelector('.fields-list li')")
    browser.keys(*"first", "tab", *"friend", "enter")
    code = '{{ contact.first_name | default: "friend" }}'
    words = "{% if contact.attributes.age &lt; 18 %}Young{% endif %}Hi {{ contact.name }} " + code
    assert json.loads(held(browser, "blocks"))[1]["html"] == f"<p>{words}</p>"
    assert browser.value("document.querySelectorAll('.is-open .chip').length") == 4


def test_a_page_that_comes_back_begins_at_the_wrong_block(page):
    browser = page("?wrong")
    browser.wait_for("document.activeElement.closest('.is-open .rich-words')")
    assert browser.value("document.activeElement.closest('.block').dataset.place") == "1"
    assert browser.text(".is-open .field-error") == "line 1: contact.nme is not known."


def test_pasted_words_bring_neither_style_nor_script(page):
    browser = page()
    opened_text(browser, 1)
    pasted = "<style>p{color:red}</style><p style='color:red' onclick='x()'><b>Bold</b> {{ contact.name }}</p>"
    browser.run(
        f"const held = new DataTransfer(); held.setData('text/html', {json.dumps(pasted)});"
        "document.activeElement.dispatchEvent(new ClipboardEvent('paste', {clipboardData: held, bubbles: true}))"
    )
    html = json.loads(held(browser, "blocks"))[1]["html"]
    assert html.endswith("<strong>Bold</strong> {{ contact.name }}</p>")
    assert "color" not in html


def test_stored_html_is_shown_without_what_the_policy_forbids(page):
    browser = page()
    html = '<p style="color:red" onclick="x()">Red, size=2 <img src="https://x.example/a.png" style="width:1px"></p>'
    stored = json.dumps([{"type": "html", "html": html}, {"type": "text", "html": html}])
    browser.run(
        f"const area = document.querySelector('[name=blocks]'); area.value = {json.dumps(stored)};"
        "area.dispatchEvent(new Event('blocks-read'))"
    )
    opened_text(browser, 1)
    assert browser.text(".is-open .rich-words") == "Red, size=2"


def test_in_a_fixed_design_only_the_words_of_slots_can_be_written(page):
    browser = page("?fixed")
    assert browser.value("document.querySelectorAll('button.block-toggle').length") == 1
    assert browser.value("document.querySelectorAll('.block-handle, .blocks-add, .block-acts').length") == 0
    opened_text(browser, 0)
    browser.keys(*" you")
    assert json.loads(held(browser, "slots")) == {"title": "Hello you"}
    assert json.loads(held(browser, "blocks"))[0]["text"] == "Hello"


def test_a_source_shows_errors_at_their_lines_and_lets_the_keyboard_out(page):
    browser = page()
    browser.run(
        "document.querySelector('[name=source]').dispatchEvent(new CustomEvent('source-errors',"
        "{detail: [{line: 2, words: 'mj-txt is no tag.'}]}))"
    )
    browser.wait_for("document.querySelector('.ace_gutter-cell.ace_error, .ace_gutter-cell .ace_error')")
    browser.click(".source-error")
    browser.keys("x", "tab")
    assert held(browser, "source").splitlines()[1].startswith("x")
    browser.keys("escape", "tab")
    assert browser.value("document.activeElement.className") == "source-error"


def test_a_style_is_made_of_colours_that_are_checked_while_they_are_typed(page):
    browser = page()
    browser.write("[data-style-name=link]", "#12")
    assert browser.value("document.activeElement.getAttribute('aria-invalid')") == "true"
    browser.write("[data-style-name=link]", "#123456")
    assert json.loads(held(browser, "style")) == {"link": "#123456"}
