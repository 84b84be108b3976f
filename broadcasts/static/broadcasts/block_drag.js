// Moving cards by a pointer: a line shows where the block comes, Escape lets it be, and the page scrolls at its edges.

import {element} from "./combobox.js";

const EDGE = 60; // px at the top and bottom of the window where it scrolls
const FAR = 5; // px before a press is a drag

/** Follow drags by `.block-handle`. `mayDrop(from, to)` and `drop(from, to)` take places; `tell` says what happens. */
export function followDrags(root, {mayDrop, drop, tell}) {
    root.addEventListener("pointerdown", (event) => {
        const handle = event.target.closest(".block-handle");
        if (handle && event.button === 0) new Drag(root, handle, event, {mayDrop, drop, tell});
    });
}

const placeOf = (text) => text.split(",").map(Number);

class Drag {
    constructor(root, handle, event, asked) {
        Object.assign(this, {root, handle, asked, y: event.clientY, x: event.clientX});
        this.start = [event.clientX, event.clientY];
        this.card = handle.closest(".block");
        this.from = placeOf(this.card.dataset.place);
        this.line = element("li", {className: "blocks-line", "aria-hidden": "true"});
        this.over = new AbortController();
        const {signal} = this.over;
        event.preventDefault();
        handle.setPointerCapture(event.pointerId);
        handle.addEventListener("pointermove", (moved) => this.moved(moved), {signal});
        handle.addEventListener("pointerup", () => this.end(true), {signal});
        handle.addEventListener("pointercancel", () => this.end(false), {signal});
        addEventListener("keydown", (pressed) => {
            if (pressed.key !== "Escape") return;
            pressed.preventDefault();
            this.end(false);
        }, {signal, capture: true});
    }

    moved(event) {
        [this.x, this.y] = [event.clientX, event.clientY];
        if (!this.isOn) {
            if (Math.hypot(this.x - this.start[0], this.y - this.start[1]) < FAR) return;
            this.isOn = true;
            this.card.classList.add("is-dragged");
            this.root.classList.add("has-drag");
            this.scroll();
        }
        this.aim();
    }

    /** Show the line in the list below the pointer, at the gap that is nearest. */
    aim() {
        const below = document.elementFromPoint(this.x, this.y);
        const list = this.listBelow(below);
        if (!list) return;
        const items = [...list.children].filter((one) => one.dataset.gap);
        const next = items.find((one) => {
            const box = one.getBoundingClientRect();
            return one.matches(".blocks-end") || this.y < box.top + box.height / 2;
        });
        if (!next) return;
        this.to = placeOf(next.dataset.gap);
        next.before(this.line);
    }

    listBelow(below) {
        let list = below && below.closest(".blocks-list");
        if (!list && below && below.closest(".block-column")) list = below.closest(".block-column").querySelector(".blocks-list");
        if (!list || !this.root.contains(list)) return list === this.root ? list : null;
        if (this.card.contains(list)) return null;
        const end = list.querySelector(":scope > .blocks-end");
        return this.asked.mayDrop(this.from, placeOf(end.dataset.gap)) ? list : this.root;
    }

    scroll() {
        if (this.over.signal.aborted) return;
        const up = EDGE - this.y;
        const down = this.y - (innerHeight - EDGE);
        const by = up > 0 ? -up / 4 : down > 0 ? down / 4 : 0;
        if (by) {
            scrollBy(0, by);
            this.aim();
        }
        requestAnimationFrame(() => this.scroll());
    }

    end(isDropped) {
        this.over.abort();
        this.line.remove();
        this.card.classList.remove("is-dragged");
        this.root.classList.remove("has-drag");
        if (!this.isOn) return;
        if (isDropped && this.to) this.asked.drop(this.from, this.to);
        else this.asked.tell("It stays where it was.");
    }
}
