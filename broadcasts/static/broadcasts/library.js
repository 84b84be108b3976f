// The library of pictures and files: a dialog to choose from it, and places to drop files on.
//
// Broadcasts.choosePicture({organization}) opens the dialog and returns a promise of {uuid, address, thumbnail, filename,
// alternative_text, width, height}, or of null if none was chosen. Broadcasts.chooseFile takes other files too.

import {element} from "./combobox.js";
import {fresh} from "./editing.js";

const {library: BASE, mostBytes} = document.querySelector("script[data-library]").dataset;
const MOST = Number(mostBytes);
const PAUSE = 250; // ms without typing before it is searched
const PICTURES = "image/png,image/jpeg,image/gif,image/webp,image/avif";

const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

// Sends one file; `told` is called with the share that has left. Rejects with words for the user.
function upload(file, {organization, alternativeText = "", pictures = false, told = () => {}}) {
    const form = new FormData();
    form.set("csrfmiddlewaretoken", token());
    form.set("organization", organization);
    form.set("alternative_text", alternativeText);
    if (pictures) form.set("pictures", "1");
    form.set("file", file);
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open("POST", `${BASE}upload/`);
        request.responseType = "json";
        request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) told(event.loaded / event.total); });
        request.addEventListener("error", () => reject(new Error("The server cannot be reached. Try again.")));
        request.addEventListener("load", () => {
            if (request.status === 201) return resolve(request.response);
            const errors = request.response && request.response.errors;
            if (errors) return reject(new Error(Object.values(errors).join(" ")));
            if (request.status === 403) return reject(new Error("You may not upload here, or you are signed out."));
            reject(new Error([400, 413].includes(request.status) ? "The file is too large." : `The server answered ${request.status}.`));
        });
        request.send(form);
    });
}

async function describe(item, words) {
    const sent = new FormData();
    sent.set("csrfmiddlewaretoken", token());
    sent.set("alternative_text", words);
    try {
        return (await fetch(`${BASE}${item.uuid}/describe/`, {method: "POST", body: sent})).ok;
    } catch {
        return false;
    }
}

// Sends files one after the other, each with a line of its own in `list`; `done(item)` is called after each.
async function uploadAll(files, list, options, done) {
    const lines = [...files].map((file) => {
        const bar = element("progress", {max: 1, value: 0, "aria-label": file.name});
        const state = element("span", {className: "quiet", role: "status"}, "Waiting");
        const line = element("li", {}, element("span", {className: "name"}, file.name), " ", bar, " ", state);
        list.append(line);
        return {file, bar, state, line};
    });
    for (const {file, bar, state, line} of lines) {
        state.textContent = "Uploading";
        try {
            if (MOST && file.size > MOST) throw new Error(`It is too large: ${Math.ceil(file.size / 1e6)} MB. At most ${Math.round(MOST / 1e6)} MB are possible.`);
            const told = (share) => {
                bar.value = share;
                if (share === 1) state.textContent = "Checking";
            };
            const item = await upload(file, {...options, told});
            bar.hidden = true;
            state.textContent = "Uploaded";
            done(item, line);
        } catch (error) {
            bar.hidden = true;
            line.classList.add("failed");
            state.className = "errors";
            state.textContent = error.message;
            options.failed?.();
        }
    }
}

// Makes a place where files are dropped, or chosen by its button, which the keyboard reaches.
function dropZone({accept, several, take, described = ""}) {
    const id = fresh("library-file");
    const input = element("input", {type: "file", id, multiple: several, accept, "aria-describedby": described});
    const what = several ? "Drop files here, or choose them: " : "Drop a picture here, or choose one: ";
    const zone = element("div", {className: "drop-zone"}, element("label", {htmlFor: id}, what), input);
    input.addEventListener("change", () => {
        if (input.files.length) take(input.files);
        input.value = "";
    });
    acceptDrops(zone, take);
    return zone;
}

function acceptDrops(zone, take) {
    let depth = 0; // of elements within it that are dragged over
    const mark = (change) => { depth = Math.max(0, depth + change); zone.classList.toggle("over", depth > 0); };
    const hasFiles = (event) => [...event.dataTransfer.types].includes("Files");
    zone.addEventListener("dragenter", (event) => { if (hasFiles(event)) { event.preventDefault(); mark(1); } });
    zone.addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
    zone.addEventListener("dragleave", (event) => { if (hasFiles(event)) mark(-1); });
    zone.addEventListener("drop", (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        depth = 0;
        zone.classList.remove("over");
        if (event.dataTransfer.files.length) take(event.dataTransfer.files);
    });
}

function choose({organization, pictures}) {
    const what = pictures ? "picture" : "file";
    const name = fresh("library-item");
    const items = new Map();
    let after = null;
    let asked = 0; // requests, so that a late answer to an earlier one is dropped
    let wasWarned = false;

    const search = element("input", {type: "search", "aria-label": "Search by name or alternative text", placeholder: "Search"});
    const grid = element("div", {className: "library-grid"});
    const state = element("p", {className: "quiet", role: "status"});
    const more = element("button", {type: "button", className: "button", hidden: true}, "Show more");
    const uploads = element("ul", {className: "uploads", id: `${name}-uploads`});
    const text = element("textarea", {rows: 2, maxLength: 500, id: `${name}-text`});
    const hint = element("p", {className: "help", id: `${name}-hint`}, "What the picture shows, for people who do not see it. Leave it empty only for decoration.");
    text.setAttribute("aria-describedby", hint.id);
    const asksText = element("div", {className: "library-text", hidden: true}, element("label", {htmlFor: text.id}, "Alternative text"), text, hint);
    const use = element("button", {type: "submit", className: "button default", disabled: true}, `Use this ${what}`);
    const cancel = element("button", {type: "button", className: "button"}, "Cancel");
    const zone = dropZone({accept: pictures ? PICTURES : "", several: false, take, described: uploads.id});
    const file = zone.querySelector("input");
    const form = element("form", {method: "dialog"},
        element("h2", {id: `${name}-title`}, `Choose a ${what}`), zone, uploads, search, state, grid, more, asksText,
        element("p", {className: "acts"}, use, " ", cancel));
    const dialog = element("dialog", {className: "library", "aria-labelledby": `${name}-title`}, form);

    const chosen = () => items.get((grid.querySelector("input:checked") || {}).value);

    function card(item) {
        const radio = element("input", {type: "radio", name, value: item.uuid});
        const picture = item.thumbnail ? element("img", {src: item.thumbnail, alt: item.alternative_text, loading: "lazy"}) : element("span", {className: "no-picture"});
        const size = item.width ? `${item.width} × ${item.height}` : "";
        const made = element("label", {className: "library-card"}, radio, picture, element("span", {className: "name"}, item.filename), element("span", {className: "quiet"}, size));
        items.set(item.uuid, item);
        made.addEventListener("dblclick", () => form.requestSubmit(use));
        return made;
    }

    function mark() {
        const item = chosen();
        use.disabled = !item;
        wasWarned = false;
        hint.classList.remove("errornote");
        asksText.hidden = !item || !item.thumbnail;
        if (item) text.value = item.alternative_text;
    }

    async function load(isMore) {
        const request = ++asked;
        const query = new URLSearchParams({organization, q: search.value.trim()});
        if (!pictures) query.set("files", "1");
        if (isMore) query.set("after", after);
        let page = null;
        try {
            const response = await fetch(`${BASE}pick/?${query}`, {headers: {Accept: "application/json"}});
            if (!response.ok || response.redirected) throw new Error(String(response.status));
            page = await response.json();
        } catch {
            if (request === asked) state.textContent = "The library cannot be read at the moment. Try again.";
            return;
        }
        if (request !== asked) return;
        if (!isMore) grid.replaceChildren();
        const place = grid.children.length;
        grid.append(...page.items.map(card));
        after = page.after;
        more.hidden = !after;
        state.textContent = grid.children.length ? "" : search.value.trim() ? `No ${what} matches.` : `The library has no ${what} yet: drop one above.`;
        if (isMore && grid.children[place]) grid.children[place].querySelector("input").focus();
        mark();
    }

    function take(files) {
        uploads.replaceChildren();
        file.removeAttribute("aria-invalid");
        for (const radio of grid.querySelectorAll("input:checked")) radio.checked = false; // so that no other one is used meanwhile
        mark();
        const failed = () => {
            file.setAttribute("aria-invalid", "true");
            file.focus();
        };
        uploadAll([...files].slice(0, 1), uploads, {organization, pictures, failed}, (item, line) => {
            line.remove();
            state.textContent = "";
            grid.prepend(card(item));
            grid.querySelector("input").checked = true;
            mark();
            (item.thumbnail ? text : use).focus();
        });
    }

    return new Promise((resolve) => {
        let result = null;
        let timer = 0;
        grid.addEventListener("change", mark);
        more.addEventListener("click", () => load(true));
        search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(load, PAUSE); });
        search.addEventListener("keydown", (event) => {
            if (event.key === "Enter") { event.preventDefault(); clearTimeout(timer); load(); }
        });
        cancel.addEventListener("click", () => dialog.close());
        acceptDrops(dialog, take);
        form.addEventListener("submit", (event) => {
            const item = chosen();
            const words = text.value.trim();
            if (!item || (item.thumbnail && !words && !wasWarned)) {
                event.preventDefault();
                if (!item) return;
                wasWarned = true;
                hint.classList.add("errornote");
                text.focus();
                return;
            }
            result = {...item, alternative_text: item.thumbnail ? words : ""};
            if (words && !item.alternative_text && item.thumbnail) describe(item, words); // the library remembers the first
        });
        dialog.addEventListener("close", () => { dialog.remove(); resolve(result); });
        document.body.append(dialog);
        dialog.showModal();
        search.focus();
        load();
    });
}

// The page of the library: several files at once, each then asks for its alternative text.
function listen(zone) {
    const uploads = document.querySelector("[data-library-uploads]");
    const input = zone.querySelector("input[type=file]");
    function take(files) {
        const organization = zone.querySelector("[name=organization]").value;
        uploadAll(files, uploads, {organization}, (item, line) => {
            const link = element("a", {href: `${BASE}?q=${encodeURIComponent(item.filename)}`}, item.filename);
            line.querySelector(".name").replaceChildren(link);
            if (!item.thumbnail) return;
            const text = element("input", {type: "text", maxLength: 500, size: 40, placeholder: "What does it show?", "aria-label": `Alternative text of ${item.filename}`});
            const state = line.querySelector("[role=status]");
            text.addEventListener("change", async () => {
                state.textContent = (await describe(item, text.value.trim())) ? "Saved" : "It could not be saved: open the picture to try again.";
            });
            line.prepend(element("img", {src: item.thumbnail, alt: ""}));
            line.append(" ", text);
        });
    }
    input.addEventListener("change", () => {
        if (input.files.length) take([...input.files]);
        input.value = "";
    });
    acceptDrops(zone, take);
}

// What takes the server longer than a page may: its link stays where it fails.
async function loadInto(place) {
    const link = place.firstElementChild;
    try {
        const response = await fetch(place.dataset.loads);
        if (!response.ok || response.redirected) throw new Error(String(response.status));
        place.innerHTML = await response.text(); // made by our own page, which escapes what people wrote
    } catch {
        place.replaceChildren(link);
    }
}

document.querySelectorAll("[data-loads]").forEach(loadInto);
document.querySelectorAll("[data-library-drop]").forEach(listen);
document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = "Copied";
    } catch {
        getSelection().selectAllChildren(button.previousElementSibling);
    }
});

window.Broadcasts = {
    choosePicture: ({organization}) => choose({organization, pictures: true}),
    chooseFile: ({organization}) => choose({organization, pictures: false}),
};
