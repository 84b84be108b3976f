// The guided page: saves the form of a step, keeps the card beside it fresh, sends tests.

import {autosave} from "./autosave.js";

const form = document.querySelector("[data-autosave-form]");
const card = document.querySelector("[data-card]");
const bar = document.querySelector("[data-steps]");
let saving = null;
let counting = null;
let counted = null; // the people as they were counted last

// The card and the bar of steps.

/** Put new HTML, made by our own templates, into a place; what has the focus there keeps it. */
function put(place, html) {
    const focused = place.contains(document.activeElement) && document.activeElement.dataset.key;
    place.innerHTML = html;
    if (focused) place.querySelector(`[data-key="${focused}"]`)?.focus();
}

function show({card: html, steps, isSaved}) {
    if (steps && bar && steps !== bar.shown) put(bar, bar.shown = steps);
    showCard(html);
    const planned = document.querySelector("[data-planned-here]");
    if (!planned) return;
    planned.textContent = card.querySelector("[data-planned]").textContent;
    if (isSaved !== undefined) planned.hidden = !isSaved; // what is typed and not saved is another time
}

function showCard(html) {
    if (html === card.shown) return;
    card.shown = html;
    const isOpen = Boolean(card.querySelector("details[open]"));
    const known = card.querySelector("[data-people]:not(:has([data-counting]))") || counted;
    const kept = ["[data-tested]", "[data-number]"].map((css) => [css, card.querySelector(css)?.textContent]);
    put(card, html);
    recall(known);
    if (isOpen && card.querySelector("details")) card.querySelector("details").open = true;
    for (const [css, words] of kept) if (words) keep(card.querySelector(css), words);
    document.querySelector("#content > h1").textContent = card.querySelector("h2").textContent;
    if (card.querySelector("[data-counting]")) count();
}

/** Show the people that were counted last, where they cannot have changed since. */
function recall(known) {
    counted = known || counted;
    const place = card.querySelector("[data-people]");
    if (!place.querySelector("[data-counting]") || counted?.dataset.people !== place.dataset.people) return;
    place.replaceWith(counted.cloneNode(true));
}

/** Show again what stood in the card: a number that is being counted again, or what became of a test. */
function keep(place, words) {
    if (place && !place.textContent) place.textContent = words;
}

/** Ask for the number of recipients where there are so many contacts that the page did not wait for it. */
async function count() {
    counting?.abort();
    counting = new AbortController();
    try {
        const answer = await fetch(card.dataset.count, {signal: counting.signal});
        if (answer.ok && !answer.redirected) show({card: await answer.text()});
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
