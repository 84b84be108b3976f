"""The console: for development, prints what would have been sent."""

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from .base import Envelope, Receipt, Transport, TransportError


class Console(Transport):
    kind = "console"
    label = "Console (for development)"
    is_for_development = True

    def __init__(self, settings: Mapping[str, Any], stream: TextIO | None = None) -> None:
        super().__init__(settings)
        self.stream = stream

    def deliver(self, envelope: Envelope) -> Receipt:
        stream = self.stream or sys.stdout
        block = f"--- to {envelope.address}\nSubject: {envelope.subject}\n\n{envelope.text.strip()}\n\n"
        try:
            stream.write(block)  # whole, so that the blocks of several workers do not mix
            stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream is closed
            raise TransportError(f"The console cannot be written to: {error}", account=True) from None
        return Receipt(detail="Printed.")
