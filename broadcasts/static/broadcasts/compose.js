// The guided page: saves the form of a step, keeps the card beside it fresh, sends tests.

import {autosave} from "./autosave.js";

const form = document.querySelector("[data-autosave-form]");
const card = document.querySelector("[data-card]");
let saving = null;
let counting = null;

// The card.

function show(html) {
    if (html === card.lastHtml) return;
    card.lastHtml = html;
    const key = card.contains(document.activeElement) && document.activeElement.dataset.key;
    const isOpen = Boolean(card.querySelector("details[open]"));
    const told = card.querySelector("[data-tested]")?.textContent;
    card.innerHTML = html;
    if (isOpen && card.querySelector("details")) card.querySelector("details").open = true;
    if (told) card.querySelector("[data-tested]").textContent = told;
    if (key) card.querySelector(`[data-key="${key}"]`)?.focus();
    const planned = document.querySelector("[data-planned-here]");
    if (planned) planned.textContent = card.querySelector("[data-planned]").textContent;
    if (card.querySelector("[data-counting]")) count();
}

/** Ask for the number of recipients where there are so many contacts that the page did not wait for it. */
async function count() {
    counting?.abort();
    counting = new AbortController();
    try {
        const answer = await fetch(card.dataset.count, {signal: counting.signal});
        if (answer.ok && !answer.redirected) show(await answer.text());
    } catch { /* a newer request follows, or the connection is lost */ }
}

async function test(event) {
    const sent = event.target;
    if (!sent.matches("[data-test]")) return;
    event.preventDefault();
    const say = (words) => { card.querySelector("[data-tested]").textContent = words; };
    say("Saving…");
    if (saving && !await saving.all()) {
        say("Not sent: what you typed is not saved yet.");
        return;
    }
    say("Sending…");
    try {
        const data = new URLSearchParams(new FormData(card.querySelector("[data-test]")));
        const answer = await fetch(sent.action, {method: "POST", body: data, headers: {Accept: "application/json"}});
        const {said, refused} = await answer.json();
        say([said, refused].filter(Boolean).join(" "));
    } catch {
        say("Not sent: no connection.");
    }
}

if (card) {
    card.addEventListener("card", (event) => show(event.detail));
    card.addEventListener("submit", test);
    if (card.querySelector("[data-counting]")) count();
}

// The form of a step.

if (form) {
    saving = autosave(form);
    document.addEventListener("keydown", (event) => {
        if (!(event.ctrlKey || event.metaKey) || event.key !== "s") return;
        event.preventDefault();
        saving.all();
    });
}
