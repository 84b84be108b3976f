// Keeps the lines of the check fresh: loads those that count people, asks again while links are being checked, and
// stores a tick at once. Without it, the page's own links and buttons do the same.

const AGAIN = 1500;
const SLOWLY = 10000; // after a lost connection

let asked = 0;
let timer = 0;

function region() {
    return document.querySelector("[data-check]");
}

function replace(text) {
    const old = region();
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.querySelector("[data-check]");
    if (!fresh) return;
    const ticked = Array.from(old.querySelectorAll("[name=accept]:checked"), (box) => box.value);
    const focused = document.activeElement && old.contains(document.activeElement) ? document.activeElement : null;
    const made = document.importNode(fresh, true);
    for (const box of made.querySelectorAll("[name=accept]")) {
        const digest = (root) => root.querySelector(`[name="seen-${box.value}"]`)?.value;
        box.checked = ticked.includes(box.value) && digest(old) === digest(made);
    }
    const folded = old.querySelector("#check-fine");
    if (folded?.open) made.querySelector("#check-fine").open = true;
    old.replaceWith(made);
    if (focused) restore(old, made, focused);
}

// The same box or link keeps the focus, and of a box that is gone the next one, so that a keyboard goes on from there.
function restore(old, made, focused) {
    const boxes = (root) => Array.from(root.querySelectorAll("[name=accept]"));
    const place = boxes(old).indexOf(focused);
    const same = focused.id
        ? made.querySelector(`#${CSS.escape(focused.id)}`)
        : Array.from(made.querySelectorAll("a")).find((link) => link.href === focused.href);
    const following = place >= 0 && boxes(made).slice(0, place + 1).pop();
    const next = same || following || made.querySelector(".compose-acts a") || made.querySelector("summary");
    if (next) next.focus({preventScroll: true});
}

async function ask(body) {
    const mine = ++asked;
    clearTimeout(timer);
    const url = region().dataset.check;
    try {
        const response = body
            ? await fetch(url, {method: "POST", body})
            : await fetch(`${url}?part=1&counted=1`);
        if (response.redirected || !response.ok) throw new Error(`The server answered ${response.status}.`);
        const text = await response.text();
        if (mine !== asked) return;
        replace(text);
        if (region().hasAttribute("data-pending")) timer = setTimeout(later, AGAIN);
    } catch (error) {
        console.warn("The check is tried again:", error);
        if (mine === asked && !body) timer = setTimeout(later, SLOWLY);
        if (body) region().querySelector("form")?.submit();
    }
}

function later() {
    if (document.hidden) timer = setTimeout(later, AGAIN);
    else ask();
}

document.addEventListener("change", (event) => {
    const box = event.target;
    if (!box.matches("[data-check] [name=accept]") || !box.checked) return;
    const body = new FormData(box.form);
    body.set("part", "1");
    body.set("counted", "1");
    ask(body);
});

document.addEventListener("click", (event) => {
    if (!event.target.matches("[data-check] [data-count]")) return;
    event.preventDefault();
    ask();
});

const first = region();
if (first.hasAttribute("data-uncounted") || first.hasAttribute("data-pending")) ask();
