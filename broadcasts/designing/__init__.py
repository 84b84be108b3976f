"""Make the HTML of mail from what its authors write: blocks, Markdown, MJML, or HTML within a layout.

`html` and `text` of a content are what is sent, by one renderer, whatever it is made from: it is made when the content
is saved, so that mail from blocks is sent exactly as raw HTML is. Liquid tags and expressions pass through unchanged.
"""

from .applying import again, apply, at_source, check, refresh, where_written
from .around import check_layout
from .blocks import BLOCKS, BlockField, BlockType, field_texts, validate_blocks, vocabulary, walk
from .converting import CONVERSIONS, convert
from .fixing import fixed_values, layout_for
from .making import Designed, design
from .slots import Slot, rewritten, slots_of, written_texts
from .styles import COLOURS, FONTS, style_of, validate_style

__all__ = [
    "BLOCKS",
    "COLOURS",
    "CONVERSIONS",
    "FONTS",
    "BlockField",
    "BlockType",
    "Designed",
    "Slot",
    "again",
    "apply",
    "at_source",
    "check",
    "check_layout",
    "convert",
    "design",
    "field_texts",
    "fixed_values",
    "layout_for",
    "refresh",
    "rewritten",
    "slots_of",
    "style_of",
    "validate_blocks",
    "validate_style",
    "vocabulary",
    "walk",
    "where_written",
    "written_texts",
]
