// The button that adds a block, and the menu of all kinds of them.

import {element} from "./combobox.js";
import {fresh, icon, iconButton} from "./editing.js";

/** `choose(type)` is told which kind of block was chosen. */
export function blockMenu(label, kinds, choose, small) {
    const items = kinds.map((kind) => {
        const item = element("button", {type: "button", role: "menuitem", tabIndex: -1, title: kind.help || ""},
            icon(kind.type), element("span", {}, kind.label));
        item.addEventListener("click", () => {
            close();
            choose(kind.type);
        });
        return item;
    });
    const list = element("div", {role: "menu", id: fresh("blocks-menu"), className: "blocks-menu", hidden: true, "aria-label": label}, ...items);
    const open = () => (list.hidden ? show() : close());
    const button = small ? iconButton("plus", label, open) : element("button", {type: "button", className: "blocks-add"}, icon("plus"), label);
    if (!small) button.addEventListener("click", open);
    button.setAttribute("aria-haspopup", "menu");
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-controls", list.id);
    const root = element("div", {className: "blocks-adding"}, button, list);

    function show() {
        list.hidden = false;
        button.setAttribute("aria-expanded", "true");
        items[0].focus();
        list.scrollIntoView({block: "nearest"});
    }

    function close() {
        list.hidden = true;
        button.setAttribute("aria-expanded", "false");
    }

    function go(place) {
        items[(place + items.length) % items.length].focus();
    }

    list.addEventListener("mousedown", (event) => event.preventDefault()); // some browsers focus nothing that is pressed
    list.addEventListener("keydown", (event) => {
        const place = items.indexOf(document.activeElement);
        const steps = {ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1};
        if (event.key in steps && !event.altKey) go(place + steps[event.key]);
        else if (event.key === "Home") go(0);
        else if (event.key === "End") go(-1);
        else if (event.key === "Escape") {
            close();
            button.focus();
        } else if (/^[a-z]$/i.test(event.key) && !event.ctrlKey && !event.metaKey) {
            const after = [...kinds.slice(place + 1), ...kinds.slice(0, place + 1)];
            const found = after.find((kind) => kind.label.toLowerCase().startsWith(event.key.toLowerCase()));
            if (found) items[kinds.indexOf(found)].focus();
        } else return;
        event.preventDefault();
        event.stopPropagation();
    });
    root.addEventListener("focusout", (event) => {
        if (!root.contains(event.relatedTarget)) close();
    });
    return root;
}
