"""Compare two versions of what a message says: by language and field, block by block, line by line, word by word.

- `texts`: two texts in rows beside each other; `contents`: two contents in sections of them.

All of it has a budget of steps and rows: what is too long or too different is told as a whole, and the page says so.
"""

from .contents import Changed, Section, compare
from .texts import Effort, Piece, RowPair, rows_of

__all__ = ["Changed", "Effort", "Piece", "RowPair", "Section", "compare", "rows_of"]
