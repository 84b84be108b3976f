"""The style of a layout: colours in light and in dark, font, width; and the style sheets that are made of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .blocks import Problems

FONTS = {
    "system": "-apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif",
    "arial": "Arial, Helvetica, sans-serif",
    "georgia": "Georgia, 'Times New Roman', serif",
    "times": "'Times New Roman', Times, serif",
    "trebuchet": "'Trebuchet MS', Tahoma, sans-serif",
    "verdana": "Verdana, Geneva, sans-serif",
    "courier": "'Courier New', Courier, monospace",
}
LEAST_WIDTH, MOST_WIDTH = 480, 600  # pixels
RADIUS, MOST_RADIUS = 6, 32
LIGHT = {
    "background": "#f3f4f6",
    "body": "#ffffff",
    "text": "#1f2328",
    "heading": "#1f2328",
    "quiet": "#57606a",
    "link": "#0b57d0",
    "button": "#0b57d0",
    "button_text": "#ffffff",
    "divider": "#d0d7de",
    "panel": "#f3f4f6",
}
DARK = {
    "background": "#101214",
    "body": "#1b1e22",
    "text": "#e6e8eb",
    "heading": "#f3f4f6",
    "quiet": "#a8b0b8",
    "link": "#8ab4f8",
    "button": "#8ab4f8",
    "button_text": "#0c1a2e",
    "divider": "#3d444d",
    "panel": "#262a30",
}
COLOURS = (*LIGHT, *(f"dark_{name}" for name in DARK))
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
# A colour that is not given follows another one that is, so that two colours make a style.
_FOLLOWS = {"heading": "text", "panel": "background"}
_SAME_IN_DARK = ("button", "button_text")  # unless the style says otherwise
TITLES = ", ".join(f".{place} h{level}" for place in ("d-text", "d-head") for level in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Style:
    """A complete style."""

    light: Mapping[str, str]
    dark: Mapping[str, str]
    font: str = FONTS["system"]
    width: int = MOST_WIDTH
    radius: int = RADIUS


def validate_style(style: Any, path: str = "style") -> Problems:
    """Return what is wrong with the style of a layout, {path: what would be right}."""
    problems = Problems()
    if not isinstance(style, Mapping):
        problems.add(path, "Give an object of colours, font, width and radius.")
        return problems
    for name, value in style.items():
        at = f"{path}.{name!s:.40}"
        if name in COLOURS:
            if not (isinstance(value, str) and _COLOUR.fullmatch(value)):
                problems.add(at, "Give a colour as six hexadecimal digits, such as #0b57d0.")
        elif name == "font":
            if not isinstance(value, str) or value not in FONTS:
                problems.add(at, f"Use one of {', '.join(FONTS)}.")
        elif name == "width":
            if not (type(value) is int and LEAST_WIDTH <= value <= MOST_WIDTH):
                problems.add(at, f"Give a whole number from {LEAST_WIDTH} to {MOST_WIDTH} pixels.")
        elif name == "radius":
            if not (type(value) is int and 0 <= value <= MOST_RADIUS):
                problems.add(at, f"Give a whole number from 0 to {MOST_RADIUS} pixels.")
        else:
            problems.add(at, f"There is no such key; use {', '.join((*COLOURS, 'font', 'width', 'radius'))}.")
    return problems


def style_of(given: Mapping[str, Any]) -> Style:
    """Return the style of a layout, with our own where it names none; keys that are wrong are passed over."""
    good = {name: value for name, value in given.items() if not validate_style({name: value})}
    return Style(
        light=_colours(good, LIGHT, ""),
        dark=_colours(good, DARK, "dark_"),
        font=FONTS[good.get("font", "system")],
        width=good.get("width", MOST_WIDTH),
        radius=good.get("radius", RADIUS),
    )


def _colours(given: Mapping[str, Any], defaults: Mapping[str, str], prefix: str) -> dict[str, str]:
    found = {}
    for name, default in defaults.items():
        other = given.get(prefix + _FOLLOWS[name]) if name in _FOLLOWS else None
        if name in _SAME_IN_DARK:
            other = given.get(name)
        found[name] = given.get(prefix + name) or other or default
    return found


def inlined_css(style: Style) -> str:
    """Return the rules that are written into the elements, since mail programs drop style sheets."""
    light = style.light
    places, elements = (".d-text > div", ".d-said"), ("p", "ul", "ol", "blockquote")
    last = ", ".join(f"{place} > {name}:last-child" for place in places for name in elements)
    return f"""
.d-page {{ padding: 24px 0; }}
.d-text p, .d-quote p {{ margin: 0 0 14px; }}
.d-text ul, .d-text ol, .d-quote ul, .d-quote ol {{ margin: 0 0 14px; padding: 0 0 0 24px; }}
.d-text li {{ margin: 0 0 6px; }}
{TITLES} {{ margin: 0; color: {light["heading"]}; font-weight: bold; line-height: 1.25; }}
.d-text h1, .d-head h1 {{ font-size: 28px; }}
.d-text h2, .d-head h2 {{ font-size: 22px; }}
.d-text h3, .d-head h3 {{ font-size: 18px; }}
.d-text h1, .d-text h2, .d-text h3 {{ margin: 0 0 10px; }}
.d-text blockquote {{ margin: 0 0 14px; padding: 0 0 0 14px; border-left: 3px solid {light["divider"]}; }}
.d-quote > div {{ padding: 0 0 0 16px; border-left: 4px solid {light["button"]}; }}
.d-said {{ font-size: 18px; font-style: italic; }}
.d-text a, .d-quote a, .d-head a, .d-social a {{ color: {light["link"]}; }}
.d-foot a {{ color: {light["quiet"]}; text-decoration: underline; }}
.d-text pre {{ white-space: pre-wrap; }}
.d-text img {{ max-width: 100%; height: auto; }}
{last} {{ margin-bottom: 0; }}
.d-quote .d-by {{ margin: 4px 0 0; color: {light["quiet"]}; font-size: 14px; }}
"""


def kept_css(style: Style) -> str:
    """Return the rules that stay in the head: dark mode and phones."""
    dark = style.dark

    def colour(name: str) -> str:
        return f"color: {dark[name]} !important;"

    def ground(name: str) -> str:
        return f"background: {dark[name]} !important; background-color: {dark[name]} !important;"

    return f"""
:root {{ color-scheme: light dark; supported-color-schemes: light dark; }}
@media only screen and (max-width: 479px) {{
.d-page {{ padding-top: 0 !important; }}
td.d-side {{ padding-left: 20px !important; padding-right: 20px !important; }}
.d-cols > table > tbody > tr > td {{ padding-left: 8px !important; padding-right: 8px !important; }}
.d-box > table > tbody > tr > td {{ padding-left: 12px !important; padding-right: 12px !important; }}
}}
@media (prefers-color-scheme: dark) {{
body, .d-page {{ {ground("background")} }}
.d-body, .d-body > table {{ {ground("body")} }}
.d-panel, .d-panel > table {{ {ground("panel")} }}
.d-text div, .d-quote div {{ {colour("text")} }}
{TITLES} {{ {colour("heading")} }}
.d-text a, .d-quote a, .d-head a, .d-social a {{ {colour("link")} }}
.d-small div, .d-foot div, .d-foot a, .d-quote .d-by {{ {colour("quiet")} }}
.d-button td, .d-button a {{ {ground("button")} {colour("button_text")} }}
.d-rule p, .d-text blockquote {{ border-color: {dark["divider"]} !important; }}
.d-quote > div {{ border-color: {dark["button"]} !important; }}
}}
"""
