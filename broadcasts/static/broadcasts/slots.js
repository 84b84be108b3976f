// The slots of a template whose design is fixed: the words that whoever uses it may write, each beside its default.

import {element} from "./combobox.js";
import {fresh, textButton} from "./editing.js";
import {fieldButton} from "./fields.js";
import {richText} from "./rich_text.js";

/** Return the slot that a block is: {name, label, kind, default}; null if its words are fixed. */
export function slotOf(block, kind) {
    if (!block.slot || !kind.words) return null;
    const field = kind.fields.find((one) => one.name === kind.words);
    return {name: block.slot, label: block.slot.replaceAll(/[_-]/g, " "), kind: field.kind, default: block[kind.words] || ""};
}

/** Return the text area that holds the words of the slots as JSON, in the same form and language as another. */
function areaOf(area) {
    if (area.matches("[data-slots]")) return area;
    const name = area.name.replace(/[^-]*$/, "slots");
    return area.form?.elements.namedItem(name) || document.getElementById(area.dataset.slotsArea || "");
}

function read(area) {
    try {
        return JSON.parse(areaOf(area)?.value.trim() || "{}");
    } catch {
        return {};
    }
}

/** Return the words of a slot: what was written, or else the template's. */
export function slotWords(area, slot) {
    return read(area)[slot.name] ?? slot.default;
}

function write(area, slot, words) {
    const goal = areaOf(area);
    if (!goal) return;
    const all = read(area);
    if (words === null) delete all[slot.name];
    else all[slot.name] = words;
    goal.value = JSON.stringify(all);
    goal.dispatchEvent(new Event("input", {bubbles: true}));
}

/** Return the field in which the words of a slot are written; `changed()` is told of each change. */
export function slotField(slot, area, changed = () => {}) {
    const id = fresh("slot");
    const label = element("label", {htmlFor: id, id: `${id}-label`}, slot.label[0].toUpperCase() + slot.label.slice(1));
    const error = element("p", {className: "field-error", id: `${id}-error`, hidden: true});
    const place = element("div", {className: "slot-place"});
    const usual = textButton("Use the template’s words", () => {
        write(area, slot, null);
        draw();
        changed();
        place.querySelector("input, textarea")?.focus();
    });
    const told = (words) => {
        write(area, slot, words);
        usual.hidden = false;
        changed();
    };
    const draw = () => {
        place.querySelector("[data-editor]")?.dispatchEvent(new Event("editor-close"));
        usual.hidden = read(area)[slot.name] === undefined;
        const isLine = !["inline", "rich", "html"].includes(slot.kind);
        const field = element(isLine ? "input" : "textarea", {id, value: slotWords(area, slot), "aria-describedby": error.id, ...(isLine ? {type: "text"} : {rows: 4})});
        field.addEventListener("input", () => told(field.value));
        if (slot.kind === "inline" || slot.kind === "rich") {
            place.replaceChildren(element("div", {className: "rich-place"}, field));
            richText(field, {label: label.id, described: error.id, isInline: slot.kind === "inline", of: area});
        } else place.replaceChildren(element("span", {className: "with-button"}, field, fieldButton(field, area)));
    };
    draw();
    return element("div", {className: "block-field is-wide", "data-field": slot.kind === "slot" ? "slot" : slot.name}, label, place, error, usual);
}

/** Turn a text area with `data-slots`, a list of {name, label, kind, default}, into a field for each. */
class SlotsForm {
    constructor(area) {
        this.area = area;
        this.root = element("div", {className: "slots", role: "group", "aria-label": "Words of the template"});
        area.before(this.root);
        area.hidden = true;
        area.addEventListener("slots-known", (event) => this.draw(event.detail));
        area.addEventListener("block-errors", (event) => this.mark(event.detail));
        this.draw(JSON.parse(area.dataset.slots || "[]"));
        this.mark(JSON.parse(area.dataset.errors || "[]"));
    }

    draw(slots) {
        const text = JSON.stringify(slots);
        if (text === this.text) return;
        this.text = text;
        for (const one of this.root.querySelectorAll("[data-editor]")) one.dispatchEvent(new Event("editor-close"));
        const none = element("p", {className: "quiet"}, "This template has no words of its own to write.");
        this.root.replaceChildren(...(slots.length ? slots.map((slot) => slotField({...slot, label: slot.label || slot.name}, this.area)) : [none]));
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

const known = new WeakSet();

function start() {
    for (const area of document.querySelectorAll("textarea[data-slots]")) {
        if (known.has(area) || area.name.includes("__prefix__")) continue;
        known.add(area);
        // Where the design is made of blocks, their editor shows the slots.
        const beside = area.form?.elements.namedItem(area.name.replace(/[^-]*$/, "blocks"));
        if (!beside?.matches("[data-blocks][data-fixed]")) new SlotsForm(area);
        else (area.closest(".form-row") || area).hidden = true;
    }
}

start();
document.addEventListener("formset:added", start);
