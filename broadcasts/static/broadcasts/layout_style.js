// The style of a layout: a text area with JSON becomes fields for colours, light and dark beside each other, font and width.

import {element} from "./combobox.js";
import {fresh} from "./editing.js";
import {number} from "./formats.js";

const COLOUR = /^#[0-9a-f]{6}$/i;
const DARK = "dark_";

const ENOUGH = 4.5; // the contrast that WCAG 2 asks of words (1.4.3)
const ON = {text: "body", heading: "body", quiet: "body", link: "body", button_text: "button"}; // what words stand on

/** Return how light a colour is, 0 to 1, as WCAG 2 defines it. */
function lightness(colour) {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
    const [dark, light] = [lightness(one), lightness(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
}

class StyleForm {
    constructor(area) {
        this.area = area;
        this.fields = JSON.parse(area.dataset.style);
        try {
            this.style = JSON.parse(area.value.trim() || "{}") || {};
        } catch {
            return; // it stays as JSON
        }
        const colours = this.fields.filter((one) => one.kind === "colour" && !one.name.startsWith(DARK));
        const others = this.fields.filter((one) => one.kind !== "colour");
        const rows = colours.map((one) => element("tr", {}, element("th", {scope: "row"}, one.label), ...this.pair(one)));
        const head = element("thead", {}, element("tr", {}, ...["Colour", "Light", "Dark"].map((words) => element("th", {scope: "col"}, words))));
        const table = element("table", {className: "style-colours"}, head, element("tbody", {}, ...rows));
        const small = element("div", {className: "block-small"}, ...others.map((one) => this.other(one)));
        this.root = element("div", {className: "style-form", role: "group", "aria-label": "Style"}, small, table);
        area.before(this.root);
        area.hidden = true;
        for (const one of this.root.querySelectorAll("input, select")) one.disabled = area.disabled;
        this.compare();
    }

    set(name, value) {
        if (value === "" || value === null) delete this.style[name];
        else this.style[name] = value;
        this.area.value = JSON.stringify(this.style);
        this.area.dispatchEvent(new Event("input", {bubbles: true}));
        this.compare();
    }

    /** Say below colours of words where they are hard to read on what they stand on. */
    compare() {
        const colour = (name) => (COLOUR.test(this.style[name]) ? this.style[name] : this.fields.find((one) => one.name === name).default);
        for (const note of this.root.querySelectorAll("[data-contrast]")) {
            const name = note.dataset.contrast;
            const prefix = name.startsWith(DARK) ? DARK : "";
            const isFollowing = name.endsWith("heading") && !this.style[name]; // headings are coloured as words are
            const found = isFollowing ? ENOUGH : contrast(colour(name), colour(prefix + ON[name.slice(prefix.length)]));
            note.textContent = found < ENOUGH ? `Hard to read: contrast ${number(found, 1)}, at least ${ENOUGH} is needed.` : "";
            note.hidden = found >= ENOUGH;
        }
    }

    pair(field) {
        const dark = this.fields.find((one) => one.name === DARK + field.name);
        return [field, dark].map((one) => element("td", {}, ...(one ? [this.colour(one, one === dark ? `${field.label}, dark` : field.label)] : [])));
    }

    /** A colour as the browser picks it, and beside it as text, which alone can be blank. */
    colour(field, label) {
        const now = this.style[field.name] || "";
        const usual = field.default || "#ffffff";
        const well = element("input", {type: "color", value: COLOUR.test(now) ? now : usual, "aria-label": `${label}: pick`});
        const text = element("input", {type: "text", value: now, placeholder: usual, maxLength: 7, size: 8, spellcheck: false, autocomplete: "off", "aria-label": `${label}, such as #1f5f8b`, "data-style-name": field.name});
        const told = element("small", {className: "field-error", id: fresh("colour"), hidden: true});
        text.setAttribute("aria-describedby", told.id);
        const check = () => {
            const isWrong = text.value !== "" && !COLOUR.test(text.value);
            told.textContent = isWrong ? "Write # and six digits or letters a to f." : "";
            told.hidden = !isWrong;
            text.setAttribute("aria-invalid", String(isWrong));
        };
        well.addEventListener("input", () => {
            text.value = well.value;
            check();
            this.set(field.name, well.value);
        });
        text.addEventListener("input", () => {
            check();
            if (COLOUR.test(text.value)) well.value = text.value;
            else if (text.value === "") well.value = usual;
            this.set(field.name, text.value);
        });
        const isWords = field.name.replace(DARK, "") in ON;
        const note = element("small", {className: "field-error", role: "status", hidden: true, ...(isWords ? {"data-contrast": field.name} : {})});
        return element("span", {className: "style-colour"}, well, text, told, note);
    }

    other(field) {
        const id = fresh(`style-${field.name}`);
        const now = this.style[field.name] ?? "";
        const input = field.kind === "choice"
            ? element("select", {id}, ...[["", "As usual"], ...field.choices].map(([value, words]) => element("option", {value, selected: value === now}, words)))
            : element("input", {type: "number", id, value: now, min: field.min ?? "", max: field.max ?? "", placeholder: field.default ?? ""});
        input.addEventListener("input", () => this.set(field.name, field.kind === "choice" ? input.value : Number.isNaN(input.valueAsNumber) ? null : input.valueAsNumber));
        return element("div", {className: "block-field"}, element("label", {htmlFor: id}, field.label), input);
    }
}

for (const area of document.querySelectorAll("textarea[data-style]")) new StyleForm(area);
