"""What each recipient reads: templates checked when saved, compiled once per message, rendered per recipient."""

from .attachments import validate_attachments
from .checking import Checker, validate_content
from .extras import extra_texts
from .names import Reader
from .programs import Program, Recipient, Rendered, compile_message, preview

__all__ = [
    "Checker",
    "Program",
    "Reader",
    "Recipient",
    "Rendered",
    "compile_message",
    "extra_texts",
    "preview",
    "validate_attachments",
    "validate_content",
]
