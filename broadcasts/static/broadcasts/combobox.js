// A text field with a list of what there is to choose, by the pattern that screen readers know.

let serial = 0;

export function element(name, properties = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
        if (key in made && !key.includes("-")) made[key] = value;
        else made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
}

/**
 * `find(text, signal)` returns [{value, label, hint}]; `choose(value, label)` is told of each choice.
 * `free`: any text is a value, and what is found only helps.
 */
export function combobox({label, shown, find, choose, free = false, wait = 200}) {
    const id = `rules-list-${++serial}`;
    const list = element("ul", {id, role: "listbox", hidden: true, "aria-label": label});
    const input = element("input", {
        type: "text", value: shown, role: "combobox", autocomplete: "off", spellcheck: false,
        "aria-label": label, "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": id,
    });
    let found = [];
    let active = -1;
    let timer = 0;
    let request = null;
    let settled = shown; // what the field says when nothing is being typed

    function close() {
        clearTimeout(timer);
        if (request) request.abort();
        list.hidden = true;
        input.setAttribute("aria-expanded", "false");
        mark(-1);
    }

    function mark(place) {
        active = place;
        [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === place)));
        if (place < 0) return input.removeAttribute("aria-activedescendant");
        input.setAttribute("aria-activedescendant", list.children[place].id);
        list.children[place].scrollIntoView({block: "nearest"});
    }

    function pick(place) {
        const one = found[place];
        input.value = settled = one.label;
        close();
        choose(one.value, one.label);
    }

    async function open(text) {
        if (request) request.abort();
        request = new AbortController();
        try {
            found = await find(text, request.signal);
        } catch {
            return; // typed on, or the server is away: the field still works
        }
        if (document.activeElement !== input) return;
        list.replaceChildren(...found.map((one, i) => {
            const item = element("li", {id: `${id}-${i}`, role: "option", "aria-selected": "false"}, one.label);
            if (one.hint) item.append(element("span", {className: "quiet"}, ` ${one.hint}`));
            item.addEventListener("mousedown", (event) => { event.preventDefault(); pick(i); });
            return item;
        }));
        active = -1;
        list.hidden = found.length === 0;
        input.setAttribute("aria-expanded", String(found.length > 0));
    }

    function leave() {
        const text = input.value.trim();
        const same = found.find((one) => one.label === text || one.value === text);
        close();
        if (free || text === settled) return;
        if (same) return pick(found.indexOf(same));
        input.value = settled;
    }

    input.addEventListener("input", () => {
        if (free) choose(input.value, input.value);
        clearTimeout(timer);
        timer = setTimeout(() => open(input.value.trim()), wait);
    });
    input.addEventListener("click", () => { if (list.hidden) open(free ? input.value.trim() : ""); });
    input.addEventListener("blur", leave);
    input.addEventListener("keydown", (event) => {
        const shut = list.hidden;
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            if (shut) return void open(free || input.value !== settled ? input.value.trim() : "");
            const step = event.key === "ArrowDown" ? 1 : -1;
            mark(active < 0 ? (step > 0 ? 0 : found.length - 1) : (active + step + found.length) % found.length);
        } else if (event.key === "Enter") {
            event.preventDefault(); // it chooses, and never sends the form
            if (!shut && (active >= 0 || !free)) pick(Math.max(active, 0));
        } else if (event.key === "Escape" && !shut) {
            event.stopPropagation();
            close();
        } else if (event.key === "Tab" && !shut && active >= 0) {
            pick(active);
        }
    });
    return {input, root: element("span", {className: "rules-combobox"}, input, list), show: (text) => { input.value = settled = text; }};
}
