"""Compile MJML to HTML: mrml lays it out, css-inline writes our rules into the elements."""

import re
from importlib import import_module

from .building import attributes
from .masks import Masks
from .styles import Style, kept_css

MOST_STYLED = 20_000_000  # characters of rules, once for each element


def document(body: str, style: Style, language: str) -> str:
    """Return sections as a whole document of MJML in a style."""
    light = style.light
    page = attributes(css_class="d-page", width=f"{style.width}px", background_color=light["background"])
    head = f"<mj-attributes>{_defaults(style)}</mj-attributes>{styles(style)}"
    return f'<mjml lang="{language}" dir="auto"><mj-head>{head}</mj-head><mj-body{page}>{body}</mj-body></mjml>'


def styles(style: Style) -> str:
    """Return what stands in the head for dark mode and phones."""
    return (
        f'<mj-style>{kept_css(style)}</mj-style><mj-raw><meta name="color-scheme" content="light dark">'
        '<meta name="supported-color-schemes" content="light dark"></mj-raw>'
    )


def _defaults(style: Style) -> str:
    light = style.light
    return "".join(
        (
            f"<mj-all{attributes(font_family=style.font)} />",
            f"<mj-text{attributes(font_size='16px', line_height='1.55', color=light['text'], padding='0')} />",
            f"<mj-section{attributes(padding='0')} />",
            "<mj-button"
            + attributes(
                font_size="16px",
                font_weight="bold",
                line_height="1.25",
                inner_padding="15px 28px",
                border_radius=f"{style.radius}px",
                background_color=light["button"],
                color=light["button_text"],
            )
            + " />",
            f"<mj-divider{attributes(border_width='1px', border_color=light['divider'])} />",
        )
    )


def compile_mjml(mjml: str, fragments: list[str], masks: Masks, css: str, written_css: str) -> str:
    """Return the HTML of a document of MJML, its tags still hidden; raises ValueError as mrml does.

    written_css: the rules that an author wrote, each of which may be written into every element.
    """
    mrml, css_inline = map(import_module, ("mrml", "css_inline"))  # large, and not needed by workers that send
    options = mrml.RenderOptions(fonts={})  # else it links the fonts of others
    html = mrml.to_html(mjml, None, options).content
    html = with_fragments(html, fragments, masks)
    if len(written_css) * html.count("</") > MOST_STYLED:
        raise ValueError("The rules of mj-style are too long for so many elements; shorten them.")
    inliner = css_inline.CSSInliner(
        inline_style_tags=False,
        keep_style_tags=True,
        keep_link_tags=True,
        load_remote_stylesheets=False,
        extra_css=css + written_css,
    )
    return inliner.inline(html)


def with_fragments(text: str, fragments: list[str], masks: Masks) -> str:
    """Put the pieces of HTML that the compiler did not see in the places of their words."""
    word = re.compile(rf"{masks.key}f(\d+)n")

    def written(found: re.Match[str]) -> str:
        return word.sub(written, fragments[int(found[1])])  # a slot stands in another piece

    return word.sub(written, text)
