// The content page: languages as tabs, the editor of the chosen format, and what is chosen for all of them.

import {livePreview} from "./content_preview.js";
import {fileLists, filePickers} from "./content_files.js";

const form = document.getElementById("content_form");
const tabs = [...form.querySelectorAll("[role=tab]")];
const panels = [...form.querySelectorAll("[role=tabpanel]")];
const beside = form.querySelector("[data-beside]");
const KEPT = "broadcasts-content-tab";
const SOURCES = ["html", "markdown", "mjml"];
let shown = 0;

function press(name, value) {
    const button = document.createElement("button");
    Object.assign(button, {type: "submit", name, value, hidden: true});
    form.append(button);
    form.requestSubmit(button);
    button.remove();
}

// Languages.

function show(place, focus = false) {
    shown = place;
    const second = beside && beside.value !== "" && Number(beside.value) !== place ? Number(beside.value) : -1;
    tabs.forEach((tab, n) => {
        tab.setAttribute("aria-selected", String(n === place));
        tab.tabIndex = n === place ? 0 : -1;
    });
    panels.forEach((panel, n) => { panel.hidden = n !== place && n !== second; });
    form.classList.toggle("has-two", second >= 0);
    if (focus) tabs[place].focus();
    try { sessionStorage.setItem(KEPT, tabs[place].dataset.language); } catch { /* a private window */ }
}

function followTabs(changed) {
    tabs.forEach((tab, n) => {
        tab.addEventListener("click", () => { show(n); changed(); });
        tab.addEventListener("keydown", (event) => {
            const steps = {ArrowRight: n + 1, ArrowLeft: n - 1, Home: 0, End: tabs.length - 1};
            if (!(event.key in steps)) return;
            event.preventDefault();
            show((steps[event.key] + tabs.length) % tabs.length, true);
            changed();
        });
    });
    beside?.addEventListener("change", () => show(shown));
    let kept = "";
    try { kept = sessionStorage.getItem(KEPT) || ""; } catch { /* a private window */ }
    const added = "isUnsaved" in form.dataset && document.querySelector(".messagelist") ? tabs.length - 1 : -1;
    const wrong = tabs.findIndex((tab) => tab.querySelector(".content-wrong"));
    const asked = new URLSearchParams(location.hash.slice(1)).get("language"); // a link to one language
    const earlier = tabs.findIndex((tab) => tab.dataset.language === (asked || kept));
    const isNew = added >= 0 && form.dataset.step === "language";
    show(wrong >= 0 ? wrong : isNew ? added : Math.max(0, earlier));
}

// Formats.

function field(panel, name) {
    return panel.querySelector(`[data-field="${name}"]`);
}

function showFormat(panel) {
    const choice = field(panel, "format")?.querySelector("select");
    if (!choice) return;
    const format = choice.value;
    const [blocks, source] = [field(panel, "blocks"), field(panel, "source")];
    if (blocks) blocks.hidden = format !== "blocks";
    if (source) {
        source.hidden = !SOURCES.includes(format);
        const area = source.querySelector("textarea[data-source]");
        if (area && SOURCES.includes(format) && area.dataset.source !== format) {
            area.dataset.source = format;
            area.dispatchEvent(new Event("source-format"));
        }
        const label = source.querySelector("label");
        if (label && SOURCES.includes(format)) label.textContent = `${choice.selectedOptions[0].textContent}:`;
    }
    const slots = field(panel, "slots");
    if (slots) slots.hidden = !slots.querySelector("[data-field]");
    if (format === "text") panel.querySelector("details.content-text").open = true;
    for (const convert of panel.querySelectorAll("[data-converts]")) {
        convert.hidden = !convert.dataset.converts.split(" ").includes(format);
    }
    const told = panel.querySelector("[data-was]");
    if (told) told.hidden = format === told.dataset.was || !hasContent(panel, told.dataset.was);
}

function hasContent(panel, format) {
    const area = panel.querySelector(`[data-field="${format === "blocks" ? "blocks" : "source"}"] textarea`);
    return format !== "text" && area !== null && !["", "[]"].includes(area.value.trim());
}

function followFormats(changed) {
    for (const panel of panels) {
        showFormat(panel);
        field(panel, "format")?.querySelector("select").addEventListener("change", () => { showFormat(panel); changed(); });
    }
}

// What is equal in all languages: other fields may be needed, which the server knows.

function followChoices(changed) {
    for (const name of ["channel", "template"]) {
        form.elements[name]?.addEventListener("change", () => press("_step", "refresh"));
    }
    for (const name of ["layout", "syntax"]) form.elements[name]?.addEventListener("change", changed);
    for (const one of form.querySelectorAll(".without-script")) one.hidden = true;
}

/** Let Ctrl+S press Save. Where the page saves itself, the script of the frame does so, unless the broadcast is scheduled. */
function followKeys() {
    if ("autosaveForm" in form.dataset && !("isScheduled" in form.dataset)) return;
    document.addEventListener("keydown", (event) => {
        if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s" || event.altKey) return;
        const save = form.querySelector("[name=_save]");
        if (!save) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        form.requestSubmit(save);
    }, {capture: true});
}

/** What is stored is what the page showed from now on; see ChannelsForm. */
function followSaves() {
    form.addEventListener("autosaved", ({detail}) => {
        if (detail.state !== "saved" || form.dataset.autosave !== "stored") return;
        for (const shown of form.querySelectorAll("[name^=initial-]")) {
            const field = form.elements[shown.name.replace("initial-", "")];
            if (field.type === "checkbox") shown.value = field.checked ? "True" : "False";
            else shown.value = field.value;
        }
    });
}

const preview = livePreview(form, () => panels[shown]);
followTabs(() => preview.soon());
followFormats(() => preview.soon());
followChoices(() => preview.soon());
followKeys();
followSaves();
fileLists(form);
filePickers(form);
preview.soon(0);
