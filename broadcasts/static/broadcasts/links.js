// Asks for the address of a link in rich text.

import {element} from "./combobox.js";
import {fresh, textButton} from "./editing.js";
import {withScheme} from "./block_fields.js";

/** Ask below a button; the address may hold merge fields, and an empty one takes the link away. */
export function askForLink(button, editor) {
    const id = fresh("link");
    const before = editor.getAttributes("link").href || "";
    const input = element("input", {type: "text", id, inputMode: "url", value: before, placeholder: "https://", autocomplete: "off", spellcheck: false});
    const words = element("input", {type: "text", id: `${id}-words`, autocomplete: "off"});
    const {from, to} = editor.state.selection;
    const needsWords = from === to && !before;
    const form = element("form", {method: "dialog", className: "editor-dialog-form"},
        element("label", {htmlFor: id}, "Address of the link"), input,
        ...(needsWords ? [element("label", {htmlFor: words.id}, "Words of the link"), words] : []));
    const dialog = element("dialog", {className: "editor-dialog", "aria-label": "Link"}, form);
    const close = () => dialog.close();
    const set = () => {
        const href = withScheme(input.value);
        const chain = editor.chain().focus();
        if (!href) chain.extendMarkRange("link").unsetMark("link").run();
        else if (needsWords) chain.insertContent({type: "text", text: words.value.trim() || href, marks: [{type: "link", attrs: {href}}]}).run();
        else chain.extendMarkRange("link").setMark("link", {href}).run();
    };
    form.append(element("div", {className: "editor-dialog-acts"},
        element("button", {type: "submit", className: "editor-button is-main"}, before ? "Change" : "Set the link"),
        ...(before ? [textButton("Remove the link", () => { input.value = ""; set(); close(); })] : []),
        textButton("Cancel", close)));
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        event.stopPropagation();
        set();
        close();
    });
    dialog.addEventListener("close", () => {
        dialog.remove();
        editor.commands.focus();
    });
    document.body.append(dialog); // a form within the page's form would be none
    dialog.showModal();
}
