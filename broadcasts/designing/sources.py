"""A source with its tags hidden and its slots filled; it knows the line in which each part of it was written."""

from bisect import bisect_right
from collections.abc import Iterable

from broadcasts.exceptions import InvalidInput

from .blocks import Problems
from .cleaning import CleanHtml
from .masks import Masks
from .slots import SourcePiece


class MaskedSource:
    """The masked text of the pieces of a source."""

    def __init__(
        self, pieces: Iterable[SourcePiece], masks: Masks, problems: Problems, cleaner: CleanHtml | None = None
    ) -> None:
        self.masks = masks
        self.starts: list[int] = []
        self.places: list[tuple[str, int]] = []
        texts: list[str] = []
        length = 0
        for piece in pieces:
            try:
                masked = masks.hide(piece.text, piece.path, first_line=piece.line)
            except InvalidInput as error:
                problems.update(error.errors)
                continue
            if piece.path != "source":
                masks.require_balance(masked, problems, "begins or ends outside of this slot.")
                masked = cleaner.clean(masked, piece.path) if cleaner else masked
            self.starts.append(length)
            self.places.append((piece.path, piece.line))
            texts.append(masked)
            length += len(masked)
        self.text = "".join(texts)

    def at(self, index: int) -> tuple[str, int]:
        """Return the path and the line of a place in the masked text."""
        piece = self._piece_at(index)
        path, line = self.places[piece]
        before = self.text[self.starts[piece] : index]
        hidden = sum(self.masks.tags[number].source.count("\n") for number in self.masks.numbers(before))
        return path, line + before.count("\n") + hidden

    def path_at(self, index: int) -> str:
        """Return the path alone, which takes no reading of the text before."""
        return self.places[self._piece_at(index)][0]

    def _piece_at(self, index: int) -> int:
        return max(0, bisect_right(self.starts, index) - 1)
