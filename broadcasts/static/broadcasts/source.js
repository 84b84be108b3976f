// Ace for MJML, Markdown and HTML: a text area becomes an editor with highlighting, and errors at their lines.

import {element} from "./combobox.js";
import {eachArea, textButton} from "./editing.js";
import {addressOf, insertField} from "./fields.js";

const BASE = new URL("../django_ace/ace/", import.meta.url).pathname;
const MODES = {mjml: "xml", html: "html", markdown: "markdown"};
const modeOf = (format) => `ace/mode/${MODES[format] || "html"}`;
let loading = null;

function script(name) {
    return new Promise((done, failed) => {
        const made = element("script", {src: BASE + name});
        made.addEventListener("load", done);
        made.addEventListener("error", failed);
        document.head.append(made);
    });
}

function styles(name) {
    if (document.querySelector(`link[href="${BASE}${name}"]`)) return;
    document.head.append(element("link", {rel: "stylesheet", href: BASE + name}));
}

async function load() {
    styles("css/ace.css");
    for (const theme of ["textmate", "one_dark"]) styles(`css/theme/${theme}.css`);
    await script("ace.js");
    const {ace} = window;
    ace.config.set("useStrictCSP", true);
    ace.config.set("loadWorkerFromBlob", false);
    ace.config.set("basePath", BASE);
    return ace;
}

function isDark() {
    const {theme} = document.documentElement.dataset;
    return theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
}

/** Show an editor instead of a text area, which keeps the value. `of` knows organization and syntax. */
export async function sourceEditor(area, format, of = area) {
    const place = element("div", {className: "source", "data-editor": ""});
    let isClosed = false;
    let editor = null;
    let wantsFocus = false;
    place.addEventListener("editor-close", () => { isClosed = true; editor?.destroy(); });
    place.addEventListener("editor-focus", () => { wantsFocus = true; editor?.focus(); });
    area.before(place);
    let ace;
    try {
        loading ||= load();
        ace = await loading;
    } catch {
        loading = null;
        place.remove(); // the text area stays
        return;
    }
    if (isClosed) return;
    const target = element("div", {className: "source-code"});
    const help = element("small", {className: "quiet", id: `${area.id}-keys`}, "Tab indents. To leave with the keyboard press Esc, then Tab.");
    const errors = element("ul", {className: "source-errors", id: `${area.id}-lines`, role: "status", hidden: true});
    const insert = textButton("Insert a merge field", () => insertField(area, of, insert), {hidden: !addressOf(of) || area.disabled});
    place.append(target, errors, element("div", {className: "source-foot"}, help, insert));
    editor = ace.edit(target, {
        mode: modeOf(format), theme: isDark() ? "ace/theme/one_dark" : "ace/theme/textmate", useWorker: false, wrap: true,
        showPrintMargin: false, minLines: 8, maxLines: 40, fontSize: 13, tabSize: 2, value: area.value, readOnly: area.readOnly || area.disabled,
    });
    settle({editor, area, target, help, errors});
    area.hidden = true;
    if (wantsFocus) editor.focus();
}

function settle({editor, area, target, help, errors}) {
    let isWriting = false;
    const input = editor.textInput.getElement();
    const label = area.labels?.[0];
    input.setAttribute("aria-label", area.getAttribute("aria-label") || label?.textContent.replace(/:$/, "") || "Source");
    input.setAttribute("aria-describedby", `${help.id} ${errors.id}`);
    input.setAttribute("aria-multiline", "true");
    if (label) label.addEventListener("click", () => editor.focus());
    editor.session.on("change", () => {
        if (isWriting) return;
        area.value = editor.getValue();
        area.dispatchEvent(new Event("input", {bubbles: true}));
    });
    area.addEventListener("input", () => {
        if (area.value === editor.getValue()) return; // it came from here
        isWriting = true;
        editor.setValue(area.value, -1);
        isWriting = false;
    });
    area.addEventListener("editor-put", (event) => {
        event.preventDefault();
        editor.insert(event.detail);
        editor.focus();
    });
    area.addEventListener("source-format", () => editor.session.setMode(modeOf(area.dataset.source)));
    letOut(editor, target);
    const show = (told) => mark(editor, errors, input, told);
    area.addEventListener("source-errors", (event) => show(event.detail));
    show(JSON.parse(area.dataset.errors || "[]").map(lined));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => editor.setTheme(isDark() ? "ace/theme/one_dark" : "ace/theme/textmate"));
}

/** After Escape the Tab key leaves the editor, instead of indenting. */
function letOut(editor, target) {
    let mayLeave = false;
    target.addEventListener("keydown", (event) => {
        if (event.key === "Escape") mayLeave = true;
        else if (event.key === "Tab" && mayLeave) event.stopPropagation(); // Ace does not see it, and the browser goes on
        else if (event.key !== "Shift") mayLeave = false;
    }, {capture: true});
    editor.on("blur", () => { mayLeave = false; });
}

/** Return {line, words} of an error as forms tell it: "line 12: …". */
function lined({line, words}) {
    const found = /^(?:source: )?line (\d+)[^:]*: /.exec(words || "");
    return {line: line || (found ? Number(found[1]) : 1), words};
}

/** Show errors [{line, words}] at their lines, and as a list whose items lead to them. */
function mark(editor, errors, input, told) {
    const all = told.map(lined);
    editor.session.setAnnotations(all.map(({line, words}) => ({row: line - 1, column: 0, text: words, type: "error"})));
    errors.replaceChildren(...all.map(({line, words}) => {
        const go = textButton(/line \d/.test(words) ? words : `Line ${line}: ${words}`, () => {
            editor.gotoLine(line, 0);
            editor.focus();
        }, {className: "source-error"});
        return element("li", {}, go);
    }));
    errors.hidden = !all.length;
    input.setAttribute("aria-invalid", String(all.length > 0));
}

eachArea("textarea[data-source]", (area) => sourceEditor(area, area.dataset.source));
