// What the editors of content share: icons, buttons, ids, and the way text comes into whatever is edited.

import {element} from "./combobox.js";

const ICONS = new URL("./icons.svg", import.meta.url).pathname;
const SVG = "http://www.w3.org/2000/svg";
let serial = 0;

export const fresh = (word) => `${word}-${++serial}`;

/** Call `make` with each text area that a selector finds, now and when a form is added to the page. */
export function eachArea(selector, make) {
    const known = new WeakSet();
    const start = () => {
        for (const area of document.querySelectorAll(selector)) {
            if (known.has(area) || area.name.includes("__prefix__")) continue;
            known.add(area);
            make(area);
        }
    };
    start();
    document.addEventListener("formset:added", start);
}

export function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    const use = document.createElementNS(SVG, "use");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${ICONS}#${name}`);
    svg.append(use);
    return svg;
}

export function iconButton(name, label, press) {
    const made = element("button", {type: "button", className: "icon-button", title: label, "aria-label": label}, icon(name));
    made.addEventListener("click", press);
    return made;
}

export function textButton(words, press, properties = {}) {
    const made = element("button", {type: "button", className: "editor-button", ...properties}, words);
    made.addEventListener("click", press);
    return made;
}

const TAG = /<[a-z](?:"[^"]*"|'[^']*'|[^'">])*>/gi;
const FORBIDDEN = /\s(?:style|class|id|on\w+)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)/gi;

/** Read HTML without what the policy of the page forbids, which a document that is only read must not have either. */
export function read(html) {
    const allowed = html
        .replace(/<(style|script|title|xml)\b[\s\S]*?<\/\1\s*>/gi, "")
        .replace(/<(meta|link|base)\b[^>]*>/gi, "")
        .replace(TAG, (tag) => tag.replace(FORBIDDEN, ""));
    return new DOMParser().parseFromString(allowed, "text/html").body;
}

/** Return the words of rich text. */
export function plain(html) {
    const body = read(html || "");
    for (const one of body.querySelectorAll("p, li, br, h2, h3, blockquote")) one.append(" ");
    return body.textContent.replace(/\s+/g, " ").trim();
}

/** Put text where the cursor is in a field, or in the editor that stands for it. */
export function put(field, text) {
    const asked = new CustomEvent("editor-put", {detail: text, cancelable: true});
    if (!field.dispatchEvent(asked)) return; // an editor took it
    const next = field.value[field.selectionEnd] || "";
    // A name that runs on into the next letter would be another one.
    const whole = /^@[\w.]+$/.test(text) && /[\w.]/.test(next) ? `@(${text.slice(1)})` : text;
    const written = field.dataset.json ? JSON.stringify(whole).slice(1, -1) : whole; // within a string of JSON
    field.setRangeText(written, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", {bubbles: true}));
    field.focus();
}

/** Return the syntax in which the content of a field is written. */
export function syntaxOf(area) {
    const chosen = area.form && area.form.elements.namedItem("syntax");
    return (chosen && chosen.value) || area.dataset.syntax || "liquid";
}

export function organizationOf(area) {
    const chosen = area.form && area.form.elements.namedItem("organization");
    return (chosen && chosen.value) || area.dataset.organization || "";
}
