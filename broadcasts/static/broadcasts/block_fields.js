// The fields of one block, by the kinds that the vocabulary names.

import {element} from "./combobox.js";
import {fresh, plain} from "./editing.js";
import {chipWords, fieldButton} from "./fields.js";
import {columnsField, linksField, pictureField} from "./block_parts.js";
import {richText} from "./rich_text.js";
import {sourceEditor} from "./source.js";

/** Return a new block of a kind; what a field is by default is not written. */
export function starting(kind) {
    const block = {type: kind.type};
    for (const field of kind.fields) {
        if (field.kind === "columns") block[field.name] = [{width: 50, blocks: []}, {width: 50, blocks: []}];
        else if (field.kind === "links") block[field.name] = [];
    }
    return block;
}

/** Return a few words that tell one block from another. */
export function summary(block, kind) {
    const shown = [...kind.fields].sort((one, other) => (other.name === kind.words) - (one.name === kind.words));
    for (const field of shown) {
        const value = block[field.name];
        if (field.kind === "columns") return columnsSummary(value || []);
        if (field.kind === "links") return (value || []).map((one) => one.network).join(", ");
        if (field.name === "media") return block.alt || (block.media || block.url ? "" : "no picture yet");
        const words = ["inline", "rich", "html"].includes(field.kind) ? plain(value) : field.kind === "line" ? value : "";
        if (words) return words.replaceAll(/\{\{.*?\}\}/g, (code) => `‹${chipWords(code)}›`).slice(0, 120);
    }
    return "";
}

function columnsSummary(columns) {
    const has = columns.every((one) => one.width);
    return has ? columns.map((one) => `${one.width}%`).join(" + ") : `${columns.length} beside each other`;
}

/**
 * `asked`: {block, kind, area, changed(field), redraw(field)}. Each returned element names its field
 * by data-field and has a place for its error.
 */
export function blockFields(asked) {
    const {kind, area} = asked;
    if (!kind.fields.length && kind.words === null && kind.help) return [element("p", {className: "quiet"}, kind.help)];
    const fields = kind.fields.map((field) => drawField(field, asked));
    const wide = fields.filter((one) => one.matches(".is-wide"));
    const small = fields.filter((one) => !one.matches(".is-wide"));
    const slots = area.dataset.slotNames !== undefined && kind.words ? [slotName(asked)] : [];
    return [...wide, element("div", {className: "block-small"}, ...small, ...slots)];
}

/** Return a row with a label, an error and what `make(ids)` returns. */
export function row(field, make, isWide = true) {
    const id = fresh(`block-${field.name}`);
    const error = element("p", {className: "field-error", id: `${id}-error`, hidden: true});
    const about = field.help ? element("small", {className: "quiet", id: `${id}-help`}, field.help) : null;
    const described = [error.id, ...(about ? [about.id] : [])].join(" ");
    const label = element("label", {htmlFor: id, id: `${id}-label`}, field.label, ...(field.required || !isWide ? [] : [element("span", {className: "quiet"}, " (optional)")]));
    const root = element("div", {className: `block-field${isWide ? " is-wide" : ""}`, "data-field": field.name}, label);
    root.append(...[make({id, label: label.id, described})].flat(), ...(about ? [about] : []), error);
    return root;
}

function drawField(field, asked) {
    const draw = {
        line: lineField, address: addressField, inline: richField, rich: richField, html: htmlField, number: numberField,
        choice: choiceField, switch: switchField, width: widthField, picture: addressField, media: pictureField,
        columns: columnsField, links: linksField,
    }[field.name === "media" ? "media" : field.kind] || lineField;
    return draw(field, asked);
}

function set({block, changed}, field, value) {
    if (value === "" || value === null || value === undefined || value === field.default) delete block[field.name];
    else block[field.name] = value;
    changed(field.name);
}

function lineField(field, asked) {
    return row(field, ({id, described}) => {
        const input = lineInput(field, asked, {id, "aria-describedby": described});
        return element("span", {className: "with-button"}, input, fieldButton(input, asked.area));
    });
}

function lineInput(field, asked, properties) {
    const input = element("input", {type: "text", value: asked.block[field.name] ?? "", autocomplete: "off", ...(field.max ? {maxLength: field.max} : {}), ...properties});
    input.addEventListener("input", () => set(asked, field, input.value));
    return input;
}

function addressField(field, asked) {
    return row(field, ({id, described}) => {
        const input = lineInput(field, asked, {id, "aria-describedby": described, spellcheck: false, inputMode: "url", placeholder: "https://"});
        input.addEventListener("blur", () => {
            const whole = withScheme(input.value);
            if (whole === input.value) return;
            input.value = whole;
            set(asked, field, whole);
        });
        return element("span", {className: "with-button"}, input, fieldButton(input, asked.area));
    });
}

/** Return an address as it was typed, with https:// before what begins like a domain. */
export function withScheme(text) {
    const typed = text.trim();
    return /^[\w-]+(\.[\w-]+)+([/?#].*)?$/.test(typed) ? `https://${typed}` : typed;
}

function richField(field, asked) {
    return row(field, ({id, label, described}) => {
        const area = element("textarea", {id, value: asked.block[field.name] ?? "", rows: 4, "aria-describedby": described});
        area.addEventListener("input", () => set(asked, field, area.value));
        const root = element("div", {className: "rich-place"}, area);
        richText(area, {label, described, isInline: field.kind === "inline", of: asked.area});
        return root;
    });
}

function htmlField(field, asked) {
    return row(field, ({id, described}) => {
        const area = element("textarea", {id, value: asked.block[field.name] ?? "", rows: 8, className: "code", spellcheck: false, "aria-describedby": described, "aria-label": field.label});
        area.addEventListener("input", () => set(asked, field, area.value));
        const root = element("div", {className: "source-place"}, area);
        sourceEditor(area, "html", asked.area);
        return root;
    });
}

function numberInput(field, asked, properties) {
    const input = element("input", {type: "number", min: field.min ?? "", max: field.max ?? "", step: 1, placeholder: field.default ?? "", ...properties});
    const {[field.name]: value} = asked.block;
    if (typeof value === "number") input.value = value;
    input.addEventListener("input", () => set(asked, field, Number.isNaN(input.valueAsNumber) ? null : input.valueAsNumber));
    return input;
}

function numberField(field, asked) {
    return row(field, ({id, described}) => numberInput(field, asked, {id, "aria-describedby": described}), false);
}

/** Pixels, or from edge to edge. */
function widthField(field, asked) {
    return row(field, ({id, described}) => {
        const isFull = asked.block[field.name] === "full";
        const input = numberInput(field, asked, {id, "aria-describedby": described, disabled: isFull});
        const full = element("input", {type: "checkbox", checked: isFull});
        full.addEventListener("change", () => {
            input.disabled = full.checked;
            input.value = "";
            set(asked, field, full.checked ? "full" : null);
        });
        return element("span", {className: "block-width"}, input, element("label", {}, full, " edge to edge"));
    }, false);
}

function choiceField(field, asked) {
    return row(field, ({id, described}) => {
        const value = asked.block[field.name] ?? field.default ?? "";
        const known = field.choices.some(([one]) => one === value);
        const offered = [...(known ? [] : [[value, value === "" ? "Choose…" : String(value)]]), ...field.choices];
        const select = element("select", {id, "aria-describedby": described}, ...offered.map(([one, words], i) => element("option", {value: String(i), selected: one === value}, String(words))));
        select.addEventListener("change", () => set(asked, field, offered[Number(select.value)][0]));
        return select;
    }, false);
}

function switchField(field, asked) {
    return row({...field, required: true}, ({id, described}) => {
        const box = element("input", {type: "checkbox", id, checked: Boolean(asked.block[field.name]), "aria-describedby": described});
        box.addEventListener("change", () => set(asked, field, box.checked));
        return box;
    }, false);
}

/** Let a template name the block as a slot, whose words are free where the design is fixed. */
function slotName(asked) {
    const field = {name: "slot", label: "Slot", help: "A name such as intro: whoever uses the template may then write these words. Blank: they are fixed."};
    return row(field, ({id, described}) => {
        const input = element("input", {type: "text", id, value: asked.block.slot ?? "", autocomplete: "off", spellcheck: false, maxLength: 50, "aria-describedby": described});
        input.addEventListener("input", () => set(asked, field, input.value.trim()));
        return input;
    }, false);
}
