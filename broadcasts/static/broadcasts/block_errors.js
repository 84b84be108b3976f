// What is wrong with a block, shown at its fields where they are open, else at its card.

import {element} from "./combobox.js";

/** Return the field that the rest of a path is about: columns of columns[0].width. */
export const fieldOf = (rest) => rest.split(/[.[]/)[0];

/** Show `mine`, [{rest, words}], at a card and at the fields of its body. */
export function showErrorsOf(card, mine) {
    const body = card.querySelector(":scope > .block-body");
    const fields = [...body.querySelectorAll("[data-field]")];
    for (const field of fields) markField(field, mine.filter((one) => fieldOf(one.rest) === field.dataset.field));
    const others = mine.filter((one) => !fields.some((field) => field.dataset.field === fieldOf(one.rest)));
    const list = card.querySelector(":scope > .block-errors");
    list.replaceChildren(...others.map((one) => element("li", {}, one.words)));
    list.hidden = !others.length;
    card.classList.toggle("is-wrong", mine.length > 0);
}

function markField(field, mine) {
    const told = field.querySelector(".field-error");
    told.textContent = mine.map((one) => one.words).join(" ");
    told.hidden = !mine.length;
    const unknown = [...told.textContent.matchAll(/([\w.]+) is not known/g)].map(([, name]) => name);
    for (const chip of field.querySelectorAll(".chip")) chip.classList.toggle("is-unknown", unknown.some((name) => chip.title.includes(name)));
    for (const one of field.querySelectorAll("input, select, textarea, [role=textbox], button.picture-choose")) {
        if (mine.length) one.setAttribute("aria-invalid", "true");
        else one.removeAttribute("aria-invalid");
    }
}
