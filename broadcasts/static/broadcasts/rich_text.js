// Rich text: a text area becomes an editor of django-prose-editor with a toolbar of ours. Without it the HTML can be typed.

import {element} from "./combobox.js";
import {iconButton, syntaxOf} from "./editing.js";
import {askForField, chipWords} from "./fields.js";
import {askForLink} from "./links.js";
import {hidden, revealed, typedPattern} from "./chips.js";

const PROSE = "../django_prose_editor/editor.js";
const BUTTONS = [
    ["bold", "Bold", "toggleBold", "bold"],
    ["italic", "Italic", "toggleItalic", "italic"],
    ["underline", "Underlined", "toggleUnderline", "underline"],
    ["strike", "Struck through", "toggleStrike", "strike"],
    ["link", "Link", null, "link"],
    ["bullets", "List", "toggleBulletList", "bulletList"],
    ["numbers", "Numbered list", "toggleOrderedList", "orderedList"],
    ["citation", "Quotation", "toggleBlockquote", "blockquote"],
    ["h2", "Heading", "h2", "heading"],
    ["h3", "Smaller heading", "h3", "heading"],
    ["sub", "Subscript", "toggleSubscript", "subscript"],
    ["sup", "Superscript", "toggleSuperscript", "superscript"],
];
const INLINE = ["bold", "italic", "underline", "strike", "link", "sub", "sup"];

/**
 * `label` and `described` are ids; `isInline`: one paragraph, stored without its tag; `isLoose`: without it
 * only where there is one. `of` is the text area that knows
 * organization and syntax. What is typed is written into `area`, which fires `input`.
 */
export async function richText(area, {label, described, isInline = false, isLoose = false, of}) {
    const place = element("div", {className: `rich${isInline ? " is-inline" : ""}`, "data-editor": ""});
    let isClosed = false;
    let editor = null;
    let wantsFocus = false;
    place.addEventListener("editor-close", () => { isClosed = true; editor?.destroy(); });
    place.addEventListener("editor-focus", () => { wantsFocus = true; editor?.commands.focus("end"); });
    area.before(place);
    let prose;
    try {
        prose = await import(PROSE);
    } catch {
        place.remove(); // the text area stays
        return;
    }
    if (isClosed) return;
    const target = element("div", {className: "rich-text"});
    const syntax = syntaxOf(of);
    editor = new prose.Editor({
        element: target,
        injectCSS: false,
        extensions: extensions(prose, isInline, syntax, of),
        content: hidden(area.value, syntax),
        editorProps: {
            attributes: {role: "textbox", "aria-multiline": String(!isInline), "aria-labelledby": label, "aria-describedby": described, class: "rich-words"},
            transformPastedHTML: (html) => hidden(unwrapped(html), syntax),
        },
        onUpdate: () => {
            area.value = stored(editor, isInline || isLoose);
            area.dispatchEvent(new Event("input", {bubbles: true}));
        },
    });
    const put = (text) => editor.chain().focus().insertContent({type: "field", attrs: {code: text}}).run();
    area.addEventListener("editor-put", (event) => {
        event.preventDefault();
        put(event.detail);
    });
    place.append(toolbar(editor, isInline, (button) => askForField(button, of, put)), target);
    area.hidden = true;
    const name = document.getElementById(label);
    name?.addEventListener("click", () => editor.commands.focus());
    if (wantsFocus) editor.commands.focus("end");
}

/** Return what is stored: nothing for an empty text, and with `bare` no tags around the only paragraph. */
function stored(editor, bare) {
    if (editor.isEmpty) return "";
    const html = revealed(editor.getHTML());
    return bare && html.lastIndexOf("<p>") === 0 && html.endsWith("</p>") ? html.slice(3, -4) : html;
}

/** How one word processor wraps all that is copied: not bold at all. */
const unwrapped = (html) => html.replace(/<b\b[^>]*font-weight:\s*normal[^>]*>/gi, "<span>");

function extensions(prose, isInline, syntax, of) {
    const marks = [prose.Bold, prose.Italic, prose.Underline, prose.Strike, prose.Subscript, prose.Superscript, linkMark(prose)];
    const base = [prose.Paragraph, prose.Text, prose.HardBreak, prose.History, fieldNode(prose, syntax, of), ...marks];
    if (isInline) return [prose.Document.extend({content: "paragraph"}), ...base, quietEnter(prose)];
    return [prose.Document, ...base, prose.Heading.configure({levels: [2, 3]}), prose.BulletList, prose.OrderedList, prose.ListItem, prose.Blockquote, prose.Dropcursor, prose.Gapcursor];
}

function quietEnter(prose) {
    return prose.Extension.create({name: "quietEnter", priority: 900, addKeyboardShortcuts: () => ({Enter: () => true})});
}

/** A link keeps whatever its address says, a merge field too. */
function linkMark(prose) {
    return prose.Mark.create({
        name: "link",
        inclusive: false,
        addAttributes: () => ({href: {default: null}}),
        parseHTML: () => [{tag: "a[href]", getAttrs: (a) => (/^\s*(javascript|data|vbscript):/i.test(a.getAttribute("href")) ? false : null)}],
        renderHTML: ({HTMLAttributes}) => ["a", {href: HTMLAttributes.href}, 0],
    });
}

/** A merge field: one piece, stored as the plain code that it is. Enter, a double click or a tap on it changes it. */
function fieldNode(prose, syntax, of) {
    const change = (editor, place, code, opener) => askForField(opener, of, (text) => {
        editor.chain().focus().insertContentAt({from: place, to: place + 1}, {type: "field", attrs: {code: text}}).run();
    }, code);
    return prose.Node.create({
        name: "field",
        group: "inline",
        inline: true,
        atom: true,
        priority: 1000, // before what Enter does in text
        addAttributes: () => ({code: {default: "", parseHTML: (one) => one.dataset.field, renderHTML: ({code}) => ({"data-field": code})}}),
        parseHTML: () => [{tag: "span[data-field]"}],
        renderHTML: ({HTMLAttributes}) => ["span", HTMLAttributes],
        renderText: ({node}) => node.attrs.code,
        addNodeView: () => ({node, getPos, editor}) => {
            const {code} = node.attrs;
            const dom = element("span", {className: `chip${code.startsWith("{%") ? " is-tag" : ""}`, title: code}, chipWords(code));
            const ask = () => change(editor, getPos(), code, editor.view.dom);
            dom.addEventListener("dblclick", ask);
            dom.addEventListener("click", (event) => { if (event.pointerType === "touch") ask(); });
            return {dom};
        },
        addKeyboardShortcuts: () => ({
            Enter: ({editor}) => {
                const {node, from} = editor.state.selection;
                if (node?.type.name !== "field") return false;
                change(editor, from, node.attrs.code, editor.view.dom);
                return true;
            },
        }),
        addInputRules() {
            const pattern = typedPattern(syntax);
            return pattern ? [prose.nodeInputRule({find: pattern, type: this.type, getAttributes: ([code]) => ({code})})] : [];
        },
    });
}

/** The buttons above a text: one stop of the Tab key, within it the arrows. */
function toolbar(editor, isInline, insert) {
    const made = BUTTONS.filter(([name]) => !isInline || INLINE.includes(name)).map(([name, label, command, mark]) => {
        const level = {h2: 2, h3: 3}[name];
        const run = () => {
            if (name === "link") return askForLink(button, editor);
            if (level) editor.chain().focus().toggleHeading({level}).run();
            else editor.chain().focus()[command]().run();
        };
        const button = iconButton(name, label, run);
        const isOn = () => (level ? editor.isActive("heading", {level}) : editor.isActive(mark));
        return {button, isOn};
    });
    const field = iconButton("field", "Insert a merge field", () => insert(field));
    const buttons = [...made.map((one) => one.button), field];
    const root = element("div", {className: "rich-tools", role: "toolbar", "aria-label": "Format"}, ...buttons);
    buttons.forEach((one, i) => { one.tabIndex = i ? -1 : 0; });
    root.addEventListener("mousedown", (event) => event.preventDefault()); // the selection stays
    root.addEventListener("keydown", (event) => {
        const place = buttons.indexOf(document.activeElement);
        const goal = {ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: buttons.length - 1}[event.key];
        if (goal === undefined || event.altKey) return;
        event.preventDefault();
        const next = buttons[(goal + buttons.length) % buttons.length];
        for (const one of buttons) one.tabIndex = one === next ? 0 : -1;
        next.focus();
    });
    const show = () => made.forEach(({button, isOn}) => button.setAttribute("aria-pressed", String(isOn())));
    editor.on("transaction", show);
    show();
    return root;
}
