// The slots of a template whose design is fixed: the words that whoever uses it may write, each beside its default.

import {element} from "./combobox.js";
import {eachArea, fresh, textButton} from "./editing.js";
import {fieldButton} from "./fields.js";
import {richText} from "./rich_text.js";

/** Return a block as it is with the words that were written for its slot; null if its words are fixed. */
export function filled(block, kind, area) {
    if (!block.slot || !kind.words) return null;
    const words = read(area)[block.slot];
    const given = typeof words === "string" ? {[kind.words]: words} : words || {};
    return {...structuredClone(block), ...given};
}

/** Keep what was written into a filled slot: a text where it is one, an object where it has more; nothing if it is as the template has it. */
export function keep(block, filledBlock, kind, area) {
    const names = kind.slot || [kind.words];
    const isSame = names.every((name) => (filledBlock[name] ?? "") === (block[name] ?? ""));
    if (isSame) return write(area, block.slot, null);
    if (names.length === 1) return write(area, block.slot, filledBlock[kind.words] ?? "");
    write(area, block.slot, Object.fromEntries(names.map((name) => [name, filledBlock[name] ?? ""])));
}

/** Return the text area that holds the words of the slots as JSON, in the same form and language as another. */
function areaOf(area) {
    if (area.matches("[data-slots]")) return area;
    const name = area.name.replace(/[^-]*$/, "slots");
    return area.form?.elements.namedItem(name);
}

function read(area) {
    try {
        return JSON.parse(areaOf(area)?.value.trim() || "{}") || {};
    } catch {
        return {};
    }
}

function write(area, name, words) {
    const goal = areaOf(area);
    if (!goal) return;
    const all = read(area);
    if (words === null) delete all[name];
    else all[name] = words;
    goal.value = JSON.stringify(all);
    goal.dispatchEvent(new Event("input", {bubbles: true}));
}

/** Return the field in which the words of a slot of a source are written: {name, label, kind, default}. */
function slotField(slot, area) {
    const id = fresh("slot");
    const label = element("label", {htmlFor: id, id: `${id}-label`}, slot.label);
    const error = element("p", {className: "field-error", id: `${id}-error`, hidden: true});
    const place = element("div", {className: "slot-place"});
    const usual = textButton("Use the template’s words", () => {
        write(area, slot.name, null);
        draw();
        place.querySelector("[data-editor], textarea")?.dispatchEvent(new Event("editor-focus"));
    });
    const draw = () => {
        place.querySelector("[data-editor]")?.dispatchEvent(new Event("editor-close"));
        const words = read(area)[slot.name];
        usual.hidden = words === undefined || area.disabled;
        const field = element("textarea", {id, value: words ?? slot.default, rows: 4, disabled: area.disabled, "aria-describedby": error.id});
        field.addEventListener("input", () => {
            write(area, slot.name, field.value);
            usual.hidden = false;
        });
        if (slot.kind === "markdown") return place.replaceChildren(element("span", {className: "with-button"}, field, fieldButton(field, area)));
        place.replaceChildren(element("div", {className: "rich-place"}, field));
        richText(field, {label: label.id, described: error.id, isLoose: true, of: area});
    };
    draw();
    return element("div", {className: "block-field is-wide", "data-field": slot.name}, label, place, error, usual);
}

/** Turn a text area with `data-slots`, a list of {name, label, kind, default}, into a field for each. */
class SlotsForm {
    constructor(area) {
        const slots = JSON.parse(area.dataset.slots || "[]");
        const none = element("p", {className: "quiet"}, "This template has no words of its own to write.");
        const shown = slots.length ? slots.map((slot) => slotField(slot, area)) : [none];
        this.root = element("div", {className: "slots", role: "group", "aria-label": "Words of the template"}, ...shown);
        area.before(this.root);
        area.hidden = true;
        area.addEventListener("block-errors", (event) => this.mark(event.detail));
        this.mark(JSON.parse(area.dataset.errors || "[]"));
    }

    /** Show [{path: "slots.intro", words}] at the slot. */
    mark(told) {
        for (const field of this.root.querySelectorAll("[data-field]")) {
            const mine = told.filter((one) => one.path === `slots.${field.dataset.field}`);
            const error = field.querySelector(".field-error");
            error.textContent = mine.map((one) => one.words).join(" ");
            error.hidden = !mine.length;
        }
    }
}

eachArea("textarea[data-slots]", (area) => {
    // Where the design is made of blocks, their editor shows the slots.
    const beside = area.form?.elements.namedItem(area.name.replace(/[^-]*$/, "blocks"));
    if (!beside?.matches("[data-blocks][data-fixed]")) new SlotsForm(area);
    else (area.closest(".form-row") || area).hidden = true;
});
