// The menu of merge fields: searched by name, each with a sample and a default, put into whatever is being edited.

import {element} from "./combobox.js";
import {fresh, iconButton, organizationOf, put, syntaxOf, textButton} from "./editing.js";

const asked = new Map(); // what the server told, by address

/** Return where the server tells the merge fields; undefined on a page that has none. */
export const addressOf = (area) => area.dataset.fields || document.querySelector("[data-fields]")?.dataset.fields;

/** Return the merge fields of the organization and syntax of a text area. */
export async function fieldsOf(area) {
    const address = addressOf(area);
    if (!address) return [];
    const query = `${address}?${new URLSearchParams({organization: organizationOf(area), syntax: syntaxOf(area)})}`;
    if (!asked.has(query)) {
        asked.set(query, fetch(query).then((answer) => answer.json()).then((told) => told.fields));
        asked.get(query).catch(() => asked.delete(query));
    }
    return asked.get(query);
}

const LIQUID = /^\{\{\s*([\w.]+(?:\["[^"]*"\])?)\s*(?:\|.*)?\}\}$/s;
const EXPRESSION = /^@(?:\(default\()?([\w.]+)(?:,\s*"[^"]*"\)\))?$/;
const DEFAULT = /\bdefault(?::|\([\w.]+,)\s*"([^"]*)"/;

/** Return the name in the code of a merge field; undefined if it is none but a tag or a calculation. */
const nameIn = (code) => (LIQUID.exec(code) || EXPRESSION.exec(code) || [])[1];

/** Return what a merge field writes where the person lacks a value. */
const defaultIn = (code) => (DEFAULT.exec(code) || [])[1] || "";

/** Return what a chip shows of its code: the name in it, and its default. */
export function chipWords(code) {
    const name = nameIn(code);
    if (!name) return code;
    const words = name.replace(/^(contact\.attributes|contact|fields|globals)\.?/, "").replaceAll(/[_["\]]/g, " ").trim();
    return defaultIn(code) ? `${words} (or “${defaultIn(code)}”)` : words;
}

/** Return the code of a merge field with other words where it is missing; without a default if there are none. */
function withDefault(code, words) {
    const text = words.replaceAll('"', "'").replaceAll(/[{}]/g, "");
    if (code.startsWith("{{")) {
        const bare = code.replace(/\s*\|\s*default:\s*"[^"]*"/, "");
        return text ? bare.replace(/\s*\}\}$/, () => ` | default: "${text}" }}`) : bare;
    }
    const name = nameIn(code);
    if (!name) return code;
    return text ? `@(default(${name}, "${text}"))` : `@${name}`;
}

/** Ask for a merge field; `choose(code)` is told of it. `code`: the one that is changed. */
export async function askForField(opener, area, choose, code = "") {
    const id = fresh("fields");
    const search = element("input", {type: "search", id: `${id}-search`, autocomplete: "off", placeholder: "Name, e-mail, plan…", role: "combobox",
        "aria-expanded": "true", "aria-controls": `${id}-list`, "aria-autocomplete": "list"});
    const otherwise = element("input", {type: "text", id: `${id}-default`, autocomplete: "off", value: defaultIn(code)});
    const list = element("ul", {id: `${id}-list`, role: "listbox", className: "fields-list", "aria-label": "Merge fields"});
    const status = element("p", {role: "status", className: "quiet"});
    const form = element("form", {className: "editor-dialog-form"},
        element("label", {htmlFor: search.id}, "Merge field"), search, list, status,
        element("label", {htmlFor: otherwise.id}, "Where it is missing, write"), otherwise);
    const dialog = element("dialog", {className: "editor-dialog", "aria-label": "Merge fields"}, form);
    const main = element("button", {type: "submit", className: "editor-button is-main"}, code ? "Change" : "Insert");
    form.append(element("div", {className: "editor-dialog-acts"}, main, textButton("Cancel", () => dialog.close())));
    document.body.append(dialog);
    dialog.addEventListener("close", () => {
        dialog.remove();
        if (!document.activeElement || document.activeElement === document.body) opener.focus();
    });
    dialog.showModal();
    const fields = await fieldsOf(area).catch(() => null);
    if (!fields) status.textContent = "The merge fields could not be loaded.";
    else if (!fields.length) status.textContent = "Plain text has no merge fields; choose another syntax first.";
    followList({search, list, status, form, fields: fields || [], now: nameIn(code)}, (field) => {
        dialog.close();
        choose(withDefault(field.insert, otherwise.value.trim()));
    });
}

/** Let a list be searched and chosen from: the arrows mark, Enter or a press chooses. */
function followList({search, list, status, form, fields, now}, choose) {
    let shown = [];
    let active = 0;
    let items = [];
    const mark = (place) => {
        active = Math.max(0, Math.min(place, shown.length - 1));
        items.forEach((item, i) => item.setAttribute("aria-selected", String(i === active)));
        const item = items[active];
        if (!item) return search.removeAttribute("aria-activedescendant");
        search.setAttribute("aria-activedescendant", item.id);
        item.scrollIntoView({block: "nearest"});
    };
    const draw = () => {
        const word = search.value.trim().toLowerCase();
        shown = fields.filter((one) => `${one.label} ${one.name}`.toLowerCase().includes(word));
        list.replaceChildren(...shown.flatMap((one, i) => {
            const heading = one.group && one.group !== shown[i - 1]?.group ? [element("li", {role: "presentation", className: "fields-group"}, one.group)] : [];
            const sample = one.sample === "" || one.sample === null || one.sample === undefined ? null : element("span", {className: "quiet"}, `such as ${one.sample}`);
            const item = element("li", {id: `${list.id}-${i}`, role: "option"}, element("span", {}, one.label), element("code", {}, one.name), sample);
            item.addEventListener("click", () => mark(i));
            item.addEventListener("dblclick", () => choose(one));
            return [...heading, item];
        }));
        items = [...list.querySelectorAll("[role=option]")];
        if (fields.length) status.textContent = shown.length ? "" : "No merge field is called so. Attributes are added under “Attributes”.";
        mark(Math.max(0, now && !word ? shown.findIndex((one) => nameIn(one.insert) === now) : 0));
    };
    search.addEventListener("input", draw);
    search.addEventListener("keydown", (event) => {
        if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
        event.preventDefault();
        mark(active + (event.key === "ArrowDown" ? 1 : -1));
    });
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        event.stopPropagation();
        if (shown[active]) choose(shown[active]);
    });
    draw();
}

/** Insert a merge field into an input, a text area, or the editor that stands for it. */
export function insertField(field, area = field, opener = field) {
    return askForField(opener, area, (code) => put(field, code));
}

/** Return the button that does so; `area` knows organization and syntax. */
export function fieldButton(field, area) {
    const button = iconButton("field", "Insert a merge field", () => insertField(field, area, button));
    button.hidden = !addressOf(area) || area.disabled;
    return button;
}
