// The editor of blocks: cards beside the JSON of a text area, which stays what the form sends.

import {element} from "./combobox.js";
import {blockFields, starting, summary} from "./block_fields.js";
import {followDrags} from "./block_drag.js";
import {fieldOf, showErrorsOf} from "./block_errors.js";
import {blockMenu} from "./block_menu.js";
import {History, at, insert, listOf, move, parsed, remove, stepped, walk} from "./block_tree.js";
import {eachArea, icon, iconButton, textButton} from "./editing.js";
import {filled, keep} from "./slots.js";

const TYPED = "input:not([type=checkbox], [type=button]), textarea, [contenteditable=true]"; // these undo by themselves

class BlockEditor {
    constructor(area) {
        this.area = area;
        this.name = area.name.split("-").pop();
        this.words = JSON.parse(document.getElementById(`${area.id}_vocabulary`).textContent);
        this.isFixed = "fixed" in area.dataset || area.disabled;
        this.errors = [];
        this.open = null; // the place of the block whose fields are shown
        this.root = element("div", {className: `blocks${this.isFixed ? " is-fixed-design" : ""}`, role: "group", "aria-label": area.labels[0]?.textContent.replace(/:$/, "").trim() || "Content in blocks"});
        this.list = element("ol", {className: "blocks-list"});
        this.status = element("p", {className: "blocks-status", role: "status"});
        this.said = element("span");
        this.back = iconButton("undo", "Undo", () => this.travel(-1));
        this.forth = iconButton("redo", "Redo", () => this.travel(1));
        this.status.append(this.said);
        const tools = element("div", {className: "blocks-tools", hidden: this.isFixed}, this.back, this.forth);
        this.general = element("ul", {className: "block-errors", hidden: true}); // of the list as a whole
        const hint = element("small", {className: "quiet blocks-hint", hidden: this.isFixed}, "Drag a block by its dots, or move it with Alt and the arrow keys.");
        this.root.append(element("div", {className: "blocks-head"}, this.status, tools), this.general, this.list, hint);
        area.before(this.root);
        area.hidden = true;
        this.original = area.defaultValue;
        this.first = plainJson(this.original);
        this.read();
        this.listen();
        // Where the page comes back with errors, it begins at the first one, unless something else has the focus.
        this.showErrors(JSON.parse(area.dataset.errors || "[]"), document.activeElement === document.body && this.root.checkVisibility());
    }

    listen() {
        this.area.addEventListener("block-errors", (event) => this.showErrors(event.detail));
        this.area.addEventListener("blocks-read", () => this.read()); // somebody wrote other blocks into the text area
        this.root.addEventListener("editor-ready", (event) => {
            const card = event.target.closest(".block");
            showErrorsOf(card, this.mine(card.dataset.place));
        });
        this.root.addEventListener("keydown", (event) => this.pressed(event));
        this.area.form?.addEventListener("reset", () => setTimeout(() => this.read()));
        if (!this.isFixed) followDrags(this.list, {
            mayDrop: (from, to) => to.length === 1 || !at(this.blocks, from).columns,
            drop: (from, to) => this.move(from, to, "dropped"),
            tell: (words) => this.say(words),
        });
    }

    // From the JSON to the cards, and back.

    read() {
        try {
            this.blocks = JSON.parse(this.area.value.trim() || "[]") || [];
            if (!Array.isArray(this.blocks)) throw new Error("it is not a list");
        } catch (error) {
            this.area.hidden = false;
            this.list.replaceChildren();
            return this.say(`These blocks cannot be shown (${error.message}); the JSON can be edited.`);
        }
        this.history = new History(JSON.stringify(this.blocks));
        this.open = null;
        this.draw();
    }

    /** Write the blocks; called after every change. Changes with the same key are undone together. */
    changed(key = null) {
        const text = JSON.stringify(this.blocks);
        this.history.note(text, key);
        this.write(text);
    }

    write(text) {
        this.area.value = text === this.first ? this.original : text; // so that nothing counts as changed
        this.area.dispatchEvent(new Event("input", {bubbles: true}));
        this.showTools();
    }

    travel(step) {
        const text = this.history.go(step);
        if (text === null) return;
        const before = this.blocks.map((block) => JSON.stringify(block));
        this.blocks = JSON.parse(text);
        this.open = this.open && this.exists(this.open) ? this.open : null;
        this.draw();
        this.write(text);
        this.say(step < 0 ? "Undone." : "Done again.");
        if (this.root.contains(document.activeElement)) return;
        const changed = this.blocks.findIndex((block, i) => JSON.stringify(block) !== before[i]);
        if (this.blocks.length) this.focus([changed < 0 ? this.blocks.length - 1 : changed]);
        else this.entrance()?.focus();
    }

    exists(place) {
        try {
            return Boolean(at(this.blocks, place));
        } catch {
            return false;
        }
    }

    // What can be done with a block.

    add(place, type) {
        insert(this.blocks, place, starting(this.kind(type)));
        this.errors = [];
        this.open = place;
        this.draw();
        this.changed();
        this.say(`${this.kind(type).label} added.`);
        this.focusBody(place);
    }

    copy(place) {
        const twin = structuredClone(at(this.blocks, place));
        delete twin.slot; // a name of a slot stands once
        const goal = [...place.slice(0, -1), place[place.length - 1] + 1];
        insert(this.blocks, goal, twin);
        this.open = goal;
        this.after(`${this.label(twin)} duplicated.`, goal);
    }

    remove(place) {
        const gone = remove(this.blocks, place);
        this.open = null;
        const i = Math.min(place[place.length - 1], listOf(this.blocks, place).length - 1);
        const next = i < 0 ? (place.length > 1 ? [place[0]] : null) : [...place.slice(0, -1), i];
        this.after(`${this.label(gone)} deleted.`, next, true);
    }

    move(from, to, how = "moved") {
        const isOpen = String(this.open) === String(from);
        const place = move(this.blocks, from, to);
        if (String(place) === String(from)) return this.say("It stays where it was.");
        this.open = isOpen ? place : null;
        const list = listOf(this.blocks, place);
        const where = place.length === 1 ? "" : `, column ${place[1] + 1}`;
        this.after(`${this.label(at(this.blocks, place))} ${how}: ${place[place.length - 1] + 1} of ${list.length}${where}.`, place);
    }

    after(words, place, canUndo = false) {
        this.errors = [];
        this.draw();
        this.changed();
        this.say(words, canUndo);
        if (place) this.focus(place);
        else this.entrance()?.focus();
    }

    toggle(place) {
        this.open = String(this.open) === String(place) ? null : place;
        this.draw();
        this.focus(place);
    }

    step(place, step) {
        const goal = stepped(this.blocks, place, step);
        if (goal) this.move(place, goal);
        else this.say(step < 0 ? "It is the first already." : "It is the last already.");
    }

    pressed(event) {
        const typed = event.target.closest(TYPED);
        if (event.key === "Enter" && event.target.matches("input")) return event.preventDefault(); // it would send the form
        if ((event.ctrlKey || event.metaKey) && !event.altKey && !typed && "zy".includes(event.key.toLowerCase())) {
            event.preventDefault();
            return this.travel(event.key.toLowerCase() === "y" || event.shiftKey ? 1 : -1);
        }
        const card = event.target.closest(".block");
        if (this.isFixed || !card || typed || event.target.matches("select")) return;
        const place = card.dataset.place.split(",").map(Number);
        const step = {ArrowUp: -1, ArrowDown: 1}[event.key];
        if (event.altKey && step) {
            event.preventDefault();
            this.step(place, step);
        } else if (event.key === "Delete" && event.target.matches(".block-toggle")) {
            event.preventDefault();
            this.remove(place);
        }
    }

    // Drawing.

    draw() {
        for (const one of this.list.querySelectorAll("[data-editor]")) one.dispatchEvent(new Event("editor-close"));
        this.list.replaceChildren(...this.drawList(this.blocks, []));
        this.showTools();
    }

    drawList(blocks, around) {
        const items = blocks.map((block, i) => this.drawBlock(block, [...around, i]));
        if (this.isFixed) return items;
        const place = [...around, blocks.length];
        const add = this.menu(around.length ? "Add a block to this column" : "Add a block", place);
        const empty = blocks.length ? null : element("p", {className: "blocks-empty quiet"}, "Nothing here yet.");
        return [...items, element("li", {className: "blocks-end", "data-gap": place.join()}, ...(empty ? [empty] : []), add)];
    }

    menu(label, place, small = false) {
        const kinds = this.words.filter((kind) => place.length === 1 || !kind.fields.some((field) => field.kind === "columns"));
        return blockMenu(label, kinds, (type) => this.add(place, type), small);
    }

    drawBlock(block, place) {
        const kind = this.kind(block.type);
        const isOpen = String(this.open) === String(place);
        const card = element("li", {className: `block${isOpen ? " is-open" : ""}`, "data-place": place.join(), "data-gap": place.join()});
        const body = element("div", {className: "block-body", id: `${this.area.id}-block-${place.join("-")}`, hidden: !isOpen});
        card.append(this.drawHead(block, kind, place, isOpen, body), element("ul", {className: "block-errors"}), body);
        if (isOpen) this.fill(body, block, kind, place);
        showErrorsOf(card, this.mine(place));
        if (block.columns) {
            const lists = block.columns.map((column, c) => element("div", {className: "block-column", role: "group", "aria-label": `Column ${c + 1}`},
                element("ol", {className: "blocks-list"}, ...this.drawList(column.blocks, [...place, c]))));
            card.append(element("div", {className: "block-columns"}, ...lists));
        }
        return card;
    }

    drawHead(block, kind, place, isOpen, body) {
        const slot = this.slot(block, kind);
        const brief = element("span", {className: "block-brief"}, summary(slot || block, kind));
        const named = [icon(block.type), element("span", {className: "block-name"}, kind.label), brief];
        if (block.slot && this.area.dataset.slotNames !== undefined) named.push(element("span", {className: "block-slot"}, `slot: ${block.slot}`));
        if (this.isFixed && !slot) return element("div", {className: "block-head"}, element("div", {className: "block-toggle is-fixed"}, ...named));
        const toggle = element("button", {type: "button", className: "block-toggle", "aria-expanded": String(isOpen), "aria-controls": body.id, ...(this.isFixed ? {} : {"aria-keyshortcuts": "Alt+ArrowUp Alt+ArrowDown Delete"})}, ...named);
        toggle.addEventListener("click", () => this.toggle(place));
        if (this.isFixed) return element("div", {className: "block-head"}, toggle);
        const handle = element("span", {className: "block-handle", title: "Drag to move", "aria-hidden": "true"}, icon("drag"));
        const below = [...place.slice(0, -1), place[place.length - 1] + 1];
        const acts = element("div", {className: "block-acts", role: "group", "aria-label": `What to do with this ${kind.label.toLowerCase()}`},
            iconButton("up", "Move up", () => this.step(place, -1)),
            iconButton("down", "Move down", () => this.step(place, 1)),
            iconButton("copy", "Duplicate", () => this.copy(place)),
            iconButton("bin", "Delete", () => this.remove(place)),
            this.menu("Add a block below", below, true));
        return element("div", {className: "block-head"}, handle, toggle, acts);
    }

    fill(body, block, kind, place) {
        const slot = this.slot(block, kind);
        const tell = (key) => (slot ? keep(block, slot, kind, this.area) : this.changed(key));
        const changed = (field) => {
            body.closest(".block").querySelector(".block-brief").textContent = summary(slot || block, kind);
            tell(`${place}.${field}`);
        };
        const redraw = (field) => {
            tell(null);
            this.draw();
            this.list.querySelector(`[data-place="${place}"] [data-field="${field}"] :is(input, select, button)`)?.focus();
        };
        const free = slot ? {...kind, fields: kind.fields.filter((one) => (kind.slot || [kind.words]).includes(one.name))} : kind;
        body.append(...blockFields({block: slot || block, kind: free, area: this.area, changed, redraw}));
        if (slot) body.append(element("div", {}, textButton("Use the template’s words", () => {
            keep(block, block, kind, this.area);
            this.draw();
            this.focusBody(place);
        })));
    }

    // Errors, each at the block that it is about.

    /** Show [{path, words}]; with `go`, open the first and go to it. */
    showErrors(told, go = false) {
        const whole = told.filter(({path}) => path === this.name);
        this.general.replaceChildren(...whole.map(({words}) => element("li", {}, words)));
        this.general.hidden = !whole.length;
        const found = told.map(({path, words}) => ({...this.find(path), words})).filter((one) => one.place && this.exists(one.place));
        const isSame = JSON.stringify(found) === JSON.stringify(this.errors);
        this.errors = found;
        if (isSame && !go) return;
        for (const card of this.list.querySelectorAll(".block")) {
            const place = card.dataset.place.split(",").map(Number);
            showErrorsOf(card, this.mine(place));
        }
        if (go && found.length) this.goToError(found[0]);
    }

    /** Return {place, rest} of a path: blocks[2].href, or slots.intro.href of a block whose slot is intro. */
    find(path) {
        const [first, name, rest] = path.split(".");
        if (first !== "slots") return parsed(this.name, path);
        const [, place] = [...walk(this.blocks)].find(([block]) => block.slot === name) || [];
        return place ? {place, rest: rest || this.kind(at(this.blocks, place).type).words || ""} : null;
    }

    /** Open the block that an error is about, and go to its field. */
    goToError({place, rest}) {
        this.open = place;
        this.draw();
        const card = this.list.querySelector(`[data-place="${place}"]`);
        const field = card.querySelector(`[data-field="${fieldOf(rest)}"]`);
        const rich = field?.querySelector("[data-editor]");
        (field?.querySelector("input, select, button") || card.querySelector(".block-toggle"))?.focus();
        if (rich) rich.dispatchEvent(new Event("editor-focus"));
    }

    mine(place) {
        return this.errors.filter((one) => String(one.place) === String(place));
    }

    // Helpers.

    /** Return the block with the words of its slot, where only those may be written; else null. */
    slot(block, kind) {
        return this.isFixed && !this.area.disabled ? filled(block, kind, this.area) : null;
    }

    kind(type) {
        return this.words.find((one) => one.type === type) || {type, label: type || "Unknown block", fields: [], words: null};
    }

    label(block) {
        return this.kind(block.type).label;
    }

    say(words, canUndo = false) {
        this.said.textContent = canUndo ? `${words} ` : words;
        this.status.querySelector("button")?.remove();
        if (!canUndo) return;
        const undo = element("button", {type: "button", className: "blocks-undo"}, "Undo");
        undo.addEventListener("click", () => this.travel(-1));
        this.status.append(undo);
    }

    showTools() {
        this.back.disabled = !this.history.past.length;
        this.forth.disabled = !this.history.future.length;
    }

    focus(place) {
        this.list.querySelector(`[data-place="${place}"] .block-toggle`)?.focus();
    }

    focusBody(place) {
        const body = this.list.querySelector(`[data-place="${place}"] > .block-body`);
        const field = body.querySelector("input, select, textarea:not([hidden]), button");
        const rich = body.querySelector("[data-editor]");
        if (rich && !(field && field.compareDocumentPosition(rich) & Node.DOCUMENT_POSITION_FOLLOWING)) rich.dispatchEvent(new Event("editor-focus"));
        else if (field) field.focus();
        else this.focus(place);
    }

    entrance() {
        return this.list.querySelector(".block-toggle, .blocks-add");
    }
}

function plainJson(text) {
    try {
        return JSON.stringify(JSON.parse(text.trim() || "[]") || []);
    } catch {
        return null;
    }
}

eachArea("textarea[data-blocks]", (area) => new BlockEditor(area));
