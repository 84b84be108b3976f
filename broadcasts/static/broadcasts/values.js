// Fields for the values of conditions, one kind for each input of the catalogue.

import {combobox, element} from "./combobox.js";

const DAY = /^\d{4}-\d\d-\d\d$/;
const SPAN = /^(\d+)([hdw])$/;
const UNITS = {h: "hours", d: "days", w: "weeks"};

/** `suggest(of, text, beside, signal)` returns what exists; `changed(value)` is told null for what is not whole yet. */
export function valueField(input, value, label, changed, suggest, beside = () => "") {
    if (input.type === "none") return element("span");
    if (input.type === "parts") return partsField(input, value, changed, suggest);
    if (input.many) return manyField(input, value, label, changed, suggest, beside);
    return oneField(input, value, label, changed, suggest, beside);
}

function oneField(input, value, label, changed, suggest, beside) {
    if (input.suggest) return suggestField(input, value, label, changed, suggest, beside);
    if (input.type === "choice") return choiceField(input, value, label, changed);
    if (input.type === "span" && (value === null || SPAN.test(value))) return spanField(value, label, changed);
    const type = input.type === "number" ? "number" : input.type === "date" && (value === null || DAY.test(value)) ? "date" : "text";
    const field = element("input", {type, value: value ?? "", "aria-label": label});
    if (type === "number") field.step = "any";
    field.addEventListener("input", () => {
        if (field.value === "") changed(null);
        else changed(type === "number" ? field.valueAsNumber : field.value);
    });
    return field;
}

function choiceField({choices, idle, note}, value, label, changed) {
    const known = value === null || choices.some(([one]) => one === value);
    const offered = [["", "Choose…"], ...choices, ...(known ? [] : [[value, value]])];
    // A choice that says nothing is not offered anew; where a rule has it, it stays chosen.
    const option = ([one, text]) => element("option", {value: one, disabled: idle.includes(one) && one !== value}, text);
    const field = element("select", {"aria-label": label}, ...offered.map(option));
    field.value = value ?? "";
    field.addEventListener("change", () => changed(field.value || null));
    if (!note) return field;
    const told = element("small", {className: "rules-note", id: `rules-note-${Math.random().toString(36).slice(2)}`}, note);
    field.dataset.note = told.id; // where an error has been and gone, this describes it again
    field.setAttribute("aria-describedby", told.id);
    return element("span", {className: "rules-noted"}, field, told);
}

function spanField(value, label, changed) {
    const [, n, unit] = SPAN.exec(value ?? "") || [null, "", "d"];
    const number = element("input", {type: "number", min: "1", step: "1", value: n, "aria-label": `${label}: how many`});
    const units = element("select", {"aria-label": `${label}: hours, days or weeks`},
        ...Object.entries(UNITS).map(([one, text]) => element("option", {value: one}, text)));
    units.value = unit;
    const tell = () => changed(/^\d+$/.test(number.value) ? `${number.value}${units.value}` : null);
    number.addEventListener("input", tell);
    units.addEventListener("change", tell);
    return element("span", {className: "rules-span"}, number, units);
}

function suggestField(input, value, label, changed, suggest, beside) {
    const free = input.type !== "row";
    const find = (text, signal) => suggest(input.suggest, text, beside(), signal);
    const field = combobox({label, shown: value ?? "", find, free, choose: (chosen) => changed(chosen === "" ? null : chosen)});
    // A row is written by its uuid and shown by its name.
    if (!free && value !== null) {
        find(value).then((found) => { if (found.length === 1) field.show(found[0].label); }, () => {});
    }
    if (!free) {
        field.input.addEventListener("input", () => { if (field.input.value === "") changed(null); });
        field.input.placeholder = "Type to search";
    }
    return field.root;
}

function manyField(input, value, label, changed, suggest, beside) {
    const values = Array.isArray(value) ? [...value] : [value];
    const asList = Array.isArray(value);
    const root = element("span", {className: "rules-many"});

    function tell() {
        const given = values.filter((one) => one !== null);
        changed(given.length === 0 ? null : given.length > 1 || asList ? given : given[0]);
    }

    function draw() {
        root.replaceChildren(...values.flatMap((one, i) => {
            const name = values.length > 1 ? `${label}, value ${i + 1}` : label;
            const field = oneField(input, one, name, (news) => { values[i] = news; tell(); }, suggest, beside);
            if (i === 0) return [field];
            const remove = button("×", `Remove value ${i + 1} of ${label}`, () => {
                values.splice(i, 1);
                tell();
                draw();
                root.lastElementChild.focus();
            });
            return [element("span", {className: "rules-or"}, "or"), field, remove];
        }), button("or…", `Add another value of ${label}`, () => {
            values.push(null);
            draw();
            const fields = root.querySelectorAll("input, select");
            fields[fields.length - 1].focus();
        }));
    }

    draw();
    return root;
}

function partsField(input, value, changed, suggest) {
    const given = {...value};
    const root = element("span", {className: "rules-parts"});
    for (const part of input.parts) {
        const beside = () => given[part.input.beside] ?? "";
        const tell = (news) => {
            if (news === null) delete given[part.key];
            else given[part.key] = news;
            changed({...given});
        };
        const field = valueField(part.input, given[part.key] ?? null, part.label, tell, suggest, beside);
        const name = part.required ? `${part.label} *` : part.label;
        root.append(element("span", {className: "rules-part", "data-part": part.key}, element("span", {className: "rules-label", "aria-hidden": "true"}, name), field));
    }
    return root;
}

export function button(text, label, act, className = "rules-button") {
    const made = element("button", {type: "button", className, title: label, "aria-label": label}, text);
    made.addEventListener("click", act);
    return made;
}
