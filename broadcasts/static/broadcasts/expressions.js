// Tells below each text what is wrong with its Liquid or expressions, and offers the merge fields; the server checks.

import {element} from "./combobox.js";
import {icon, organizationOf, textButton} from "./editing.js";
import {addressOf, insertField} from "./fields.js";

const PAUSE = 400; // ms without typing before it is checked
const SELECTOR = "[data-expressions]";
const panels = new WeakMap();

function panelOf(area) {
    let panel = panels.get(area);
    if (panel) return panel;
    const list = element("ul", {role: "status", id: `${area.id}_expressions`, hidden: true});
    const button = textButton("Insert a merge field", () => insertField(area, area, button), {hidden: !addressOf(area) || area.disabled});
    button.setAttribute("aria-label", `Insert a merge field into the ${area.name.split("-").pop()}`);
    button.prepend(icon("field"));
    panel = element("div", {className: "help expressions"}, button, list);
    const row = area.closest(".form-row") || area.parentElement;
    (area.closest(".flex-container") || area).after(panel);
    if (!row.contains(panel)) row.append(panel);
    panels.set(area, panel);
    return panel;
}

async function check(area) {
    const form = area.form;
    const asked = new FormData();
    const text = area.value;
    asked.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    asked.set("syntax", form.elements.syntax.value);
    asked.set("organization", organizationOf(area));
    asked.set("text", text);
    asked.set("json", area.dataset.json || ""); // what holds the texts, if they stand in JSON
    const response = await fetch(area.dataset.expressions, {method: "POST", body: asked});
    if (!response.ok || area.value !== text) return; // it was typed on: a later answer counts
    const told = await response.json();
    const list = panelOf(area).lastElementChild;
    list.replaceChildren(...told.warnings.map((words) => element("li", {}, words, ...remedy(area, words))));
    list.hidden = told.warnings.length === 0;
    if (told.warnings.length) describe(area, list.id);
}

/** Return a button that writes the name which was meant, where one is suggested. */
function remedy(area, words) {
    const [, wrong, right] = /([\w.]+) is not known; did you mean ([\w.]+)\?/.exec(words) || [];
    if (!wrong) return [];
    const found = new RegExp(`(?<![\\w.])${wrong.replaceAll(".", "\\.")}(?![\\w])`);
    if (!found.test(area.value)) return [];
    const button = textButton(`Use ${right}`, () => {
        area.value = area.value.replace(found, right);
        area.dispatchEvent(new Event("input", {bubbles: true}));
        area.focus();
    });
    return [" ", button];
}

/** Name the list as what describes a field, beside what does so already. */
function describe(area, id) {
    const ids = new Set((area.getAttribute("aria-describedby") || "").split(" ").filter(Boolean));
    area.setAttribute("aria-describedby", [...ids.add(id)].join(" "));
}

const timers = new WeakMap();
function checkSoon(area) {
    if (!area.form || !area.form.elements.syntax || area.name.includes("__prefix__")) return;
    clearTimeout(timers.get(area));
    timers.set(area, setTimeout(() => check(area).catch(() => {}), PAUSE));
}

function checkAll() {
    for (const area of document.querySelectorAll(SELECTOR)) {
        if (!area.name.includes("__prefix__")) panelOf(area);
        checkSoon(area);
    }
}

document.addEventListener("input", (event) => {
    if (event.target.matches(SELECTOR)) checkSoon(event.target);
});
document.addEventListener("change", (event) => {
    if (event.target.name === "syntax" || event.target.name === "organization") checkAll();
});
document.addEventListener("formset:added", checkAll);
checkAll();
