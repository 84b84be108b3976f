"""Arrange blocks in rows: the sheet that carries them, panels on it, columns, and the footer below it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .building import GUTTER, PANEL_SIDE, SIDE, BlockPlace, Builder, attributes

OUTSIDE = "begins or ends outside of these blocks."
EDGE = 28  # pixels between the edge of the sheet and the first words on it
AROUND_PANEL = 8


@dataclass(slots=True)
class Row:
    """A row of a mail; kind: words, columns, footer, logic (tags alone), or whole (sections that are written).

    begins_full, ends_full: whether a picture reaches the edges there.
    """

    kind: str
    mjml: str
    on_panel: bool = False
    begins_full: bool = False
    ends_full: bool = False


class Arranger(Builder):
    """Arranges the blocks of one design."""

    def rows(self, blocks: Sequence[dict[str, Any]], path: str, *, is_end: bool = False) -> list[Row]:
        """Return blocks as rows; words that follow each other on one ground share a row.

        is_end: whether nothing but a footer comes after them.
        """
        rows: list[Row] = []
        for number, block in enumerate(blocks):
            row = self._row_of(block, f"{path}[{number}]", number == 0, is_end and number == len(blocks) - 1)
            before = rows[-1] if rows else None
            if before and row.kind == before.kind == "words" and row.on_panel == before.on_panel:
                before.mjml += row.mjml
                before.ends_full = row.ends_full
            else:
                rows.append(row)
        self._require_balance(row.mjml for row in rows if row.kind == "logic")
        return rows

    def row_of_html(self, html: str) -> Row:
        """Return cleaned HTML as one row."""
        return Row("words", self._words(html, "d-text", BlockPlace(SIDE, "d-side"), 16))

    def written(self, rows: Sequence[Row]) -> str:
        """Return rows as the sections of a mail."""
        return "".join(self.sections_of(rows))

    def sections_of(self, rows: Sequence[Row]) -> list[str]:
        """Return the section of each row, which depends on those beside it."""
        solid = [row for row in rows if row.kind != "logic"]
        written = []
        for row in rows:
            if row.kind in ("logic", "whole"):
                written.append(row.mjml)
                continue
            place = next(number for number, one in enumerate(solid) if one is row)
            before = solid[place - 1] if place else None
            after = solid[place + 1] if place + 1 < len(solid) else None
            if row.kind == "footer":
                written.append(f'<mj-section padding="20px 0px 0px"><mj-column>{row.mjml}</mj-column></mj-section>')
            elif row.on_panel:
                written.append(self._panel(row, before, after))
            else:
                written.append(self._sheet(row, before, after))
        return written

    def _row_of(self, block: dict[str, Any], path: str, is_first: bool, is_last: bool) -> Row:
        on_panel = bool(block.get("panel"))
        if self._is_logic(block, path):
            return Row("logic", self._logic(block, path))
        if block["type"] == "columns":
            return Row("columns", self._columns(block, path, on_panel), on_panel)
        is_full = block["type"] == "image" and block.get("width") == "full"
        width = self.style.width - 2 * (SIDE + PANEL_SIDE if on_panel else SIDE)
        place = BlockPlace(PANEL_SIDE if on_panel else SIDE, "d-side", is_first=is_first, is_last=is_last)
        mjml = self.block(block, path, width, place)
        kind = "footer" if block["type"] == "footer" else "words"
        return Row(kind, mjml, on_panel, is_full and not on_panel, is_full and is_last and not on_panel)

    def _corners(self, top: bool, bottom: bool) -> str | None:
        above, below = (f"{self.style.radius if rounded else 0}px" for rounded in (top, bottom))
        return f"{above} {above} {below} {below}" if top or bottom else None

    def _ends(self, row: Row, before: Row | None, after: Row | None) -> tuple[bool, bool]:
        """Tell whether the sheet begins and ends with a row."""
        return before is None or before.kind == "footer", after is None or after.kind == "footer"

    def _sheet(self, row: Row, before: Row | None, after: Row | None) -> str:
        begins, ends = self._ends(row, before, after)
        top = EDGE if begins and not row.begins_full else 0
        bottom = EDGE - 16 if ends and not row.ends_full else 0
        is_columns = row.kind == "columns"
        given = attributes(
            css_class="d-body d-cols" if is_columns else "d-body",
            background_color=self.style.light["body"],
            border_radius=self._corners(begins and not row.begins_full, ends and not row.ends_full),
            padding=f"{top}px {SIDE - GUTTER if is_columns else 0}px {bottom}px",
        )
        return f"<mj-section{given}>{row.mjml if is_columns else f'<mj-column>{row.mjml}</mj-column>'}</mj-section>"

    def _panel(self, row: Row, before: Row | None, after: Row | None) -> str:
        begins, ends = self._ends(row, before, after)
        opens, closes = before is None or not before.on_panel, after is None or not after.on_panel
        is_columns = row.kind == "columns"
        top = EDGE if begins else AROUND_PANEL if opens else 0
        bottom = EDGE if ends else AROUND_PANEL + 16 if closes else 0
        around = attributes(
            css_class="d-body d-box",
            background_color=self.style.light["body"],
            border_radius=self._corners(begins, ends),
            padding=f"{top}px {SIDE}px {bottom}px",
        )
        panel = attributes(
            css_class="d-panel d-cols" if is_columns else "d-panel",
            background_color=self.style.light["panel"],
            border_radius=self._corners(opens, closes),
            padding=f"{24 if opens else 0}px {PANEL_SIDE - GUTTER if is_columns else 0}px {8 if closes else 0}px",
        )
        inner = row.mjml if is_columns else f"<mj-column>{row.mjml}</mj-column>"
        return f"<mj-wrapper{around}><mj-section{panel}>{inner}</mj-section></mj-wrapper>"

    def _columns(self, block: Mapping[str, Any], path: str, on_panel: bool) -> str:
        columns = block["columns"]
        inner = self.style.width - 2 * (SIDE + PANEL_SIDE if on_panel else SIDE) + 2 * GUTTER
        stacks = block.get("stack", True)
        written = []
        for place, column in enumerate(columns):
            at = f"{path}.columns[{place}].blocks"
            percent = column.get("width") or 100 / len(columns)
            width = int(inner * percent / 100) - 2 * GUTTER
            children, logic = [], []
            for number, one in enumerate(column.get("blocks") or ()):
                if self._is_logic(one, at):
                    logic.append(self._logic(one, f"{at}[{number}]"))
                    children.append(logic[-1])
                else:
                    children.append(self.block(one, f"{at}[{number}]", width, BlockPlace(GUTTER)))
            self._require_balance(logic)
            share = f"{round(percent, 2):g}%" if column.get("width") or not stacks else None
            written.append(f"<mj-column{attributes(width=share)}>{''.join(children)}</mj-column>")
        return "".join(written) if stacks else f"<mj-group>{''.join(written)}</mj-group>"

    def _is_logic(self, block: Mapping[str, Any], path: str) -> bool:
        return block["type"] == "html" and not block.get("slot") and self.masks.is_logic_only(block["html"], path)

    def _logic(self, block: Mapping[str, Any], path: str) -> str:
        masked = self.masks.hide(block["html"], f"{path}.html")
        return f"<mj-raw>{self.masks.as_comments(masked.strip())}</mj-raw>"

    def _require_balance(self, logic: Iterable[str]) -> None:
        """Tags of logic that stand alone begin and end in one list of blocks, since elements end with it."""
        self.masks.require_balance("".join(logic), self.problems, OUTSIDE)
