// The builder of rules: rows beside the JSON of a text area, which stays what the form sends.

import {combobox, element} from "./combobox.js";
import {absent, missing, nodes, parse, write} from "./rules.js";
import {number} from "./formats.js";
import {button, valueField} from "./values.js";

const WAIT = 400; // so long after the last key the people are counted
const MODES = [["all", "All of these hold"], ["any", "Any of these holds"], ["none", "None of these holds"], ["not all", "Not all of these hold"]];

class Builder {
    constructor(area) {
        this.area = area;
        this.form = area.form;
        this.fields = [];
        this.rows = element("div", {className: "rules-rows", role: "group", "aria-label": "Conditions"});
        this.jsonError = element("p", {className: "rules-error", id: `${area.id}-json-error`, hidden: true});
        this.status = element("p", {className: "rules-status", role: "status"});
        this.people = element("ul", {className: "rules-people", "aria-label": "Some of them"});
        const isFolded = "folded" in area.dataset;
        const label = element("label", {htmlFor: area.id}, "The same as JSON");
        const json = element(isFolded ? "details" : "div", {className: "rules-json"}, isFolded ? element("summary", {}, label) : label, this.jsonError);
        const root = element("div", {className: "rules"}, this.rows, json, element("div", {className: "rules-sample"}, this.status, this.people));
        area.before(root);
        json.insertBefore(area, this.jsonError);
        area.addEventListener("input", () => this.read());
        this.form.addEventListener("submit", (event) => this.check(event));
        this.followOrganization();
        this.followKind();
        this.load();
    }

    get organization() {
        const chosen = this.form.elements.namedItem("organization");
        return (chosen && chosen.value) || this.area.dataset.organization;
    }

    followOrganization() {
        const chosen = this.form.elements.namedItem("organization");
        if (!chosen || chosen.type === "hidden") return;
        const {jQuery} = window.django || {}; // the admin's own autocomplete tells its changes this way only
        if (jQuery) jQuery(chosen).on("change", () => this.load());
        else chosen.addEventListener("change", () => this.load());
    }

    /** A segment by membership has no rules to build. */
    followKind() {
        const kind = this.area.dataset.segment === undefined ? null : this.form.elements.namedItem("kind");
        const show = () => { this.area.closest(".form-row").hidden = kind.value === "static"; };
        if (!kind) return;
        kind.addEventListener("change", show);
        show();
    }

    async load() {
        this.rows.replaceChildren();
        if (!this.organization) return this.say("Choose an organization first.");
        const {organization} = this;
        let fields;
        try {
            const answer = await fetch(`${this.area.dataset.rulesCatalogue}?organization=${organization}`);
            ({fields} = await answer.json()); // fails where a session has ended, and a page to sign in comes instead
        } catch {
            return this.say("What rules can be made of could not be loaded; the JSON can still be edited.");
        }
        if (organization !== this.organization) return; // another one was chosen meanwhile
        this.fields = fields;
        this.read();
    }

    // From the JSON to the rows, and back.

    read() {
        let json;
        try {
            json = JSON.parse(this.area.value.trim() || "{}");
        } catch (error) {
            return this.refuseJson(`This is not JSON yet (${error.message}). The rows wait for it.`);
        }
        this.refuseJson("");
        this.root = parse(json, this.fields);
        this.root.isRoot = true;
        write(this.root);
        this.draw();
        this.count();
    }

    refuseJson(message) {
        this.jsonError.textContent = message;
        this.jsonError.hidden = !message;
        if (message && this.jsonError.parentElement?.localName === "details") this.jsonError.parentElement.open = true;
        this.rows.inert = Boolean(message);
        this.area.setAttribute("aria-invalid", String(Boolean(message)));
        if (!message) return this.area.removeAttribute("aria-describedby");
        this.area.setAttribute("aria-describedby", this.jsonError.id);
        this.stop();
        this.say("");
    }

    /** Write what the rows say; called after every change of theirs. */
    changed() {
        this.area.value = JSON.stringify(this.root.children.length ? write(this.root) : {}, null, 2);
        this.count();
    }

    redraw(focus) {
        this.changed();
        this.draw();
        if (focus) focus();
    }

    // Drawing.

    draw() {
        this.rows.replaceChildren(this.drawGroup(this.root, null));
    }

    drawGroup(group, parent) {
        const mode = element("select", {"aria-label": "How the conditions of this group go together"},
            ...MODES.map(([value, text]) => element("option", {value}, text)));
        mode.value = group.mode;
        mode.addEventListener("change", () => {
            group.mode = mode.value;
            group.bare = false;
            this.changed();
        });
        group.first = mode;
        group.error = element("p", {className: "rules-error", hidden: true});
        const list = element("ul", {className: "rules-list"}, ...group.children.map((child) => this.drawChild(child, group)));
        group.add = button("+ Condition", "Add a condition to this group", () => {
            const row = {kind: "row", operator: null, value: null};
            group.children.push(row);
            this.redraw(() => row.first.focus());
        });
        const nest = button("+ Group", "Add a group within this group", () => {
            const inner = {kind: "group", mode: "any", children: [{kind: "row", operator: null, value: null}]};
            group.children.push(inner);
            this.redraw(() => inner.children[0].first.focus());
        });
        const head = element("div", {className: "rules-line"}, mode, ...(parent ? this.movers(group, parent, "group") : []));
        const add = element("div", {className: "rules-add"}, group.add, nest);
        return element("div", {className: "rules-group", role: "group", "aria-label": parent ? "Group" : "Rules"}, head, group.error, list, add);
    }

    drawChild(child, parent) {
        const draw = {group: "drawGroup", raw: "drawRaw", row: "drawRow"}[child.kind];
        return element("li", {}, this[draw](child, parent));
    }

    drawRow(row, parent) {
        const field = () => this.fields.find((one) => one.operators.includes(row.operator));
        const how = element("span", {className: "rules-how"});
        row.values = element("span", {className: "rules-values"});
        row.error = element("p", {className: "rules-error", hidden: true});

        const drawValue = () => {
            const {input, label} = row.operator;
            const changed = (value) => { row.value = value; this.changed(); };
            row.values.replaceChildren(valueField(input, row.value, `${field().label} ${label}`, changed, this.suggest));
        };
        const drawOperators = () => {
            const select = element("select", {"aria-label": `${field().label}: how`},
                ...field().operators.map((one, i) => element("option", {value: String(i)}, one.label)));
            select.value = String(field().operators.indexOf(row.operator));
            select.addEventListener("change", () => {
                const before = row.operator.input;
                row.operator = field().operators[Number(select.value)];
                const {input} = row.operator;
                const kept = row.value !== null && input.type === before.type && (input.many || !Array.isArray(row.value));
                row.value = kept ? row.value : null;
                drawValue();
                this.changed();
            });
            how.replaceChildren(select);
        };
        const choose = (key) => {
            row.operator = this.fields.find((one) => one.key === key).operators[0];
            row.value = null;
            drawOperators();
            drawValue();
            this.changed();
        };
        const about = combobox({label: "What this condition is about", shown: field() ? field().label : "", find: this.findFields, choose, wait: 0});
        about.input.placeholder = "Choose or type";
        row.first = about.input;
        if (row.operator) {
            drawOperators();
            drawValue();
        }
        const says = element("div", {className: "rules-says"}, about.root, how, row.values);
        const line = element("div", {className: "rules-line"}, says, ...this.movers(row, parent, "condition"));
        return element("div", {className: "rules-row"}, line, row.error);
    }

    /** What rows cannot show, as the JSON that it is. */
    drawRaw(raw, parent) {
        const text = element("textarea", {rows: 3, cols: 40, spellcheck: false, "aria-label": "A condition as JSON", value: JSON.stringify(raw.value, null, 2)});
        raw.first = raw.values = text;
        raw.error = element("p", {className: "rules-error", hidden: true});
        text.addEventListener("input", () => {
            try {
                raw.value = JSON.parse(text.value);
                raw.broken = false;
            } catch {
                raw.broken = true;
            }
            this.changed();
        });
        return element("div", {className: "rules-row"}, element("div", {className: "rules-line"}, text, ...this.movers(raw, parent, "condition")), raw.error);
    }

    movers(node, parent, word) {
        const move = (step) => () => {
            shift(this.root, parent, node, step);
            this.redraw(() => node.movers[step < 0 ? 0 : 1].focus());
        };
        node.movers = [
            button("↑", `Move this ${word} up`, move(-1)),
            button("↓", `Move this ${word} down`, move(1)),
            button("×", `Remove this ${word}`, () => {
                const place = parent.children.indexOf(node);
                parent.children.splice(place, 1);
                const next = parent.children[place] || parent.children[place - 1];
                this.redraw(() => (next ? next.first : parent.add).focus());
            }),
        ];
        return [element("span", {className: "rules-movers"}, ...node.movers)];
    }

    // What is found while somebody types.

    findFields = async (text) => {
        const word = text.toLowerCase();
        const found = this.fields.filter((one) => `${one.label} ${one.key} ${one.group}`.toLowerCase().includes(word));
        const starts = (one) => (one.label.toLowerCase().startsWith(word) ? 0 : 1);
        if (word) found.sort((one, other) => starts(one) - starts(other));
        return found.map((one) => ({value: one.key, label: one.label, hint: one.group}));
    };

    suggest = async (of, text, beside, signal) => {
        const query = new URLSearchParams({organization: this.organization, of, text, beside});
        const answer = await fetch(`${this.area.dataset.rulesSuggest}?${query}`, {signal});
        return answer.ok ? (await answer.json()).found : [];
    };

    // Counting.

    stop() {
        clearTimeout(this.timer);
        if (this.request) this.request.abort();
    }

    count() {
        this.stop();
        this.clearErrors();
        if (!this.root.children.length) {
            const isSegment = this.area.dataset.segment !== undefined; // a broadcast has other ways to say who
            return this.say(isSegment ? "Nobody yet: add a condition." : "No conditions: nobody is added by this query.");
        }
        this.timer = setTimeout(() => this.ask(), WAIT);
    }

    async ask() {
        const unfinished = [...nodes(this.root)].filter(missing);
        if (unfinished.length) return this.say("The people are counted when every condition is whole.");
        this.request = new AbortController();
        const body = new URLSearchParams({organization: this.organization, segment: this.area.dataset.segment || "", rules: this.area.value});
        const headers = {"X-CSRFToken": this.form.elements.namedItem("csrfmiddlewaretoken").value};
        try {
            const answer = await fetch(this.area.dataset.rulesSample, {method: "POST", body, headers, signal: this.request.signal});
            if (answer.ok) this.show(await answer.json());
            else if (answer.status === 400) this.refuse(await answer.json());
            else this.say("The people could not be counted; sign in again if this stays.");
        } catch (error) {
            if (error.name !== "AbortError") this.say("The server does not answer; the people could not be counted.");
        }
    }

    show({count, people}) {
        const n = count === null ? 0 : count;
        const some = people.length ? `at least ${people.length}` : "an unknown number of";
        if (count === null) this.say(`Counting takes too long to do while you type: ${some} people.`);
        else this.say(n === 0 ? "Nobody matches." : `${number(n)} ${n === 1 ? "person matches" : "people match"}.`);
        this.people.replaceChildren(...people.map((one) => element("li", {},
            element("a", {href: one.url, target: "_blank", rel: "noopener"}, one.name), one.address && one.address !== one.name ? ` ${one.address}` : "")));
    }

    say(text) {
        this.status.textContent = text;
        this.people.replaceChildren();
    }

    // Errors, each at the row that it is about.

    refuse({path, message}) {
        const inside = [...nodes(this.root)].filter((node) => path === node.path || (path.startsWith(node.path) && ".[".includes(path[node.path.length])));
        const node = inside.reduce((best, one) => (one.path.length >= best.path.length ? one : best), this.root);
        this.point(node, `${message[0].toUpperCase()}${message.slice(1).replace(/\.$/, "")}.`, path.slice(node.path.length).match(/\w+/)?.slice(0, 1));
        this.say("Nobody is counted: one condition cannot be used.");
    }

    /** Show a message at a node, and mark the fields that it is about: of some parts of its value, where they are named. */
    point(node, message, parts = []) {
        node.error.id ||= `rules-error-${Math.random().toString(36).slice(2)}`;
        node.error.textContent = message;
        node.error.hidden = false;
        const within = parts.flatMap((part) => [...(node.values?.querySelectorAll(`[data-part="${part}"] :is(input, select)`) || [])]);
        for (const one of within.length ? within : this.controls(node)) {
            one.setAttribute("aria-invalid", "true");
            one.setAttribute("aria-describedby", node.error.id);
        }
    }

    controls(node) {
        const inner = node.values ? [node.values, ...node.values.querySelectorAll("input, select")] : [];
        const found = inner.filter((one) => one.matches("input, select, textarea"));
        return found.length ? found : [node.first];
    }

    clearErrors() {
        for (const node of nodes(this.root)) {
            if (!node.error || node.error.hidden) continue;
            node.error.hidden = true;
            for (const one of this.controls(node)) {
                one.removeAttribute("aria-invalid");
                if (one.dataset.note) one.setAttribute("aria-describedby", one.dataset.note);
                else one.removeAttribute("aria-describedby");
            }
        }
    }

    /** Do not send what is half done: go to it and say what it needs. */
    check(event) {
        if (!this.root || this.area.closest("[hidden]") || this.rows.inert) return;
        const unfinished = [...nodes(this.root)].filter(missing);
        if (!unfinished.length) return;
        event.preventDefault();
        const folded = this.area.closest("details");
        if (folded) folded.open = true;
        for (const node of unfinished) this.point(node, missing(node), absent(node).map((part) => part.key));
        this.rows.querySelector("[aria-invalid=true]").focus();
    }
}

/** Move a node one line up or down, as they are drawn: into a group that stands there, and out of its own at the edge. */
function shift(root, parent, node, step) {
    const place = parent.children.indexOf(node);
    const next = parent.children[place + step];
    const above = [...nodes(root)].find((one) => one.children && one.children.includes(parent));
    if (!next && !above) return;
    parent.children.splice(place, 1);
    if (next && next.kind === "group") {
        next.bare = false;
        next.children.splice(step < 0 ? next.children.length : 0, 0, node);
    } else if (next) parent.children.splice(place + step, 0, node);
    else above.children.splice(above.children.indexOf(parent) + (step < 0 ? 0 : 1), 0, node);
}

document.querySelectorAll("textarea[data-rules-sample]").forEach((area) => new Builder(area));
