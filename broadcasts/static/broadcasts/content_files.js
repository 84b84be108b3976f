// Attached files as a list of names, and fields of a template that take a file of the library.

import {element} from "./combobox.js";
import {organizationOf, textButton} from "./editing.js";

const names = new Map(Object.entries(JSON.parse(document.getElementById("files-known").textContent))); // of files by their uuid

const button = (words, act) => textButton(words, act, {className: "button"});

/** Turn text areas of [{"media": uuid}] into lists with buttons. */
export function fileLists(form) {
    for (const area of form.querySelectorAll("textarea[data-files]")) {
        const list = element("ul", {className: "content-files"});
        const read = () => { try { return JSON.parse(area.value || "[]"); } catch { return []; } };
        const write = (files) => {
            area.value = JSON.stringify(files);
            area.dispatchEvent(new Event("input", {bubbles: true}));
            draw();
        };
        const draw = () => {
            list.replaceChildren(...read().map((file, n) => element(
                "li", {}, names.get(file.media) || file.media, " ",
                area.disabled ? null : button("Remove", () => write(read().filter((_, place) => place !== n))),
            )));
        };
        const add = button("Attach a file", async () => {
            const chosen = await window.Broadcasts.chooseFile({organization: organizationOf(area)});
            if (!chosen) return add.focus();
            names.set(chosen.uuid, chosen.filename);
            write([...read(), {media: chosen.uuid}]);
            add.focus();
        });
        area.hidden = true;
        area.after(element("div", {className: "content-attached"}, list, area.disabled ? null : add));
        draw();
    }
}

/** Put a button beside each field that takes a file by its uuid. */
export function filePickers(form) {
    for (const field of form.querySelectorAll("input[data-picks]")) {
        const told = element("span", {className: "quiet"}, names.get(field.value) || "");
        const choose = field.dataset.picks === "image" ? "choosePicture" : "chooseFile";
        field.after(button("Choose from the library", async () => {
            const chosen = await window.Broadcasts[choose]({organization: organizationOf(field)});
            if (!chosen) return;
            field.value = chosen.uuid;
            told.textContent = chosen.filename;
            field.dispatchEvent(new Event("input", {bubbles: true}));
        }), told);
    }
}
