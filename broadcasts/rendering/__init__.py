"""What each recipient reads: templates checked when saved, compiled once per message, filled in per recipient.

A copy can be composed in two ways, which must give the same content:

- compiled (`compiled_content.py`): everything that is equal for all recipients is encoded as MIME once per message, and
  a copy fills in the placeholders, each with the escaping and encoding of its position;
- the reference (`content.py` with `mime.py`): Liquid renders each field whole for one recipient, and the standard
  library's encoders make the message from it.

A template is Liquid, plain text, or has expressions (`expressions/`), which fill in as placeholders too.

The compiled way exists because composing decides how fast a worker sends. CPU time per copy, measured with timeit on a
shared AMD EPYC core and CPython 3.11, for the personal message of `bench send` (text and HTML, 4.5 KB, 200 recipients,
median of seven alternating runs):

    compiled                                                    30 us
    reference                                                  453 us, of which Liquid takes 254
    Liquid, then one email.message.EmailMessage per copy     5,288 us

The reference stays for two reasons. It renders previews, and composes each copy that the compiled way refuses with
NotCompilable: content without a fixed structure, values that could change how the HTML around them is parsed, and
errors, which it reports in Liquid's words. And it defines what is correct: tests/rendering/test_compiled.py parses the
messages of both ways and compares them, for hostile values. So a shortcut in the compiled way only has to be right for
the values that it accepts.
"""

from .attachments import validate_attachments
from .budget import Budget
from .checking import Checker, faults, organization_of, validate_content, warnings, warnings_of
from .compiled_message import (
    CompiledMessage,
    Filled,
    Recipient,
    Rendered,
    bubble,
    bubble_of,
    compile_message,
    copy_of,
    filled_expressions,
    filled_in,
    preview,
    previewed,
)
from .content import TEMPLATED, preheader_place
from .expressions import ExpressionScope
from .extras import extra_texts, texts, with_texts
from .fitting import misfits, provider_languages, unready
from .footers import footer_lines
from .islands import BEGINS as ISLAND_BEGINS
from .islands import ENDS as ISLAND_ENDS
from .islands import without_islands
from .lacking import LackingField, lacking, needed_fields
from .merge_fields import MergeField, merge_fields
from .names import ContactSnapshot
from .plaintext import html_to_text
from .tags import tags_of
from .tracked_copies import Tracking, links_of
from .tracked_links import has_tags
from .translating import to_liquid

__all__ = [
    "ISLAND_BEGINS",
    "ISLAND_ENDS",
    "TEMPLATED",
    "Budget",
    "Checker",
    "CompiledMessage",
    "ContactSnapshot",
    "ExpressionScope",
    "Filled",
    "LackingField",
    "MergeField",
    "Recipient",
    "Rendered",
    "Tracking",
    "bubble",
    "bubble_of",
    "compile_message",
    "copy_of",
    "extra_texts",
    "faults",
    "filled_expressions",
    "filled_in",
    "footer_lines",
    "has_tags",
    "html_to_text",
    "lacking",
    "links_of",
    "merge_fields",
    "misfits",
    "needed_fields",
    "organization_of",
    "preheader_place",
    "preview",
    "previewed",
    "provider_languages",
    "tags_of",
    "texts",
    "to_liquid",
    "unready",
    "validate_attachments",
    "validate_content",
    "warnings",
    "warnings_of",
    "with_texts",
    "without_islands",
]
