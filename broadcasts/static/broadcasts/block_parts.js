// The fields of blocks that have parts: pictures, columns, and links to social networks.

import {element} from "./combobox.js";
import {iconButton, organizationOf, textButton} from "./editing.js";
import {row, withScheme} from "./block_fields.js";
import {fieldButton} from "./fields.js";

const FEW = 2;
const MANY = 4;
const shown = new Map(); // the pictures that were chosen on this page, by uuid

/** A picture of the library, by its uuid; what it shows is written in `alt`. */
export function pictureField(field, asked) {
    const {block, area} = asked;
    return row(field, ({id, described}) => {
        const view = element("span", {className: "picture-view"});
        const note = element("span", {className: "quiet", role: "status"});
        const choose = textButton("", async () => {
            if (!window.Broadcasts?.choosePicture) return void (note.textContent = "The library could not be loaded; reload the page.");
            const item = await window.Broadcasts.choosePicture({organization: organizationOf(area)});
            choose.focus();
            if (!item) return;
            shown.set(item.uuid, item);
            block.media = item.uuid;
            delete block.url;
            if (item.alternative_text) block.alt = item.alternative_text;
            asked.redraw(field.name);
        }, {id, className: "editor-button picture-choose", "aria-describedby": described});
        const draw = async () => {
            const has = block.media || block.url;
            choose.textContent = has ? "Choose another picture" : "Choose a picture";
            const item = block.media ? await found(block.media, area) : null;
            const address = item ? item.thumbnail || item.address : ownAddress(block.url);
            view.replaceChildren(...(address ? [element("img", {src: address, alt: block.alt || ""})] : []));
            note.textContent = item ? item.filename : block.url || "";
        };
        draw();
        return element("div", {className: "picture"}, view, element("span", {}, choose, note));
    });
}

/** Return an address that may be shown here: pages show no pictures of other servers. */
function ownAddress(url) {
    if (!url || !URL.canParse(url, location.href)) return null;
    return new URL(url, location.href).origin === location.origin ? url : null;
}

/** Return a picture of the library as its picker tells of it; null if it is not there. */
async function found(uuid, area) {
    if (shown.has(uuid)) return shown.get(uuid);
    if (!area.dataset.pictures) return null;
    const query = new URLSearchParams({uuid, organization: organizationOf(area)});
    try {
        const answer = await fetch(`${area.dataset.pictures}?${query}`);
        const {items} = await answer.json();
        const item = items.find((one) => one.uuid === uuid) || null;
        if (item) shown.set(uuid, item);
        return item;
    } catch {
        return null;
    }
}

/** How many columns, and how wide; the blocks of a column that goes move into the one before. */
export function columnsField(field, asked) {
    const columns = asked.block[field.name];
    return row({...field, required: true}, ({id, described}) => {
        const counts = Array.from({length: (field.max || MANY) - (field.min || FEW) + 1}, (_, i) => i + (field.min || FEW));
        const many = element("select", {id, "aria-describedby": described}, ...counts.map((n) => element("option", {value: String(n), selected: n === columns.length}, `${n} columns`)));
        many.addEventListener("change", () => {
            resize(columns, Number(many.value));
            asked.redraw(field.name);
        });
        const widths = columns.map((column, c) => {
            const input = element("input", {type: "number", min: 10, max: 90, value: column.width ?? "", "aria-label": `Width of column ${c + 1} in percent`});
            input.addEventListener("input", () => {
                column.width = Number.isNaN(input.valueAsNumber) ? null : input.valueAsNumber;
                asked.changed(field.name);
            });
            return element("span", {className: "column-width"}, input, "%");
        });
        const equal = textButton("Equal widths", () => {
            resize(columns, columns.length);
            asked.redraw(field.name);
        });
        return element("div", {className: "columns-widths"}, many, ...widths, equal);
    });
}

function resize(columns, n) {
    for (const gone of columns.splice(n)) columns[n - 1].blocks.push(...gone.blocks);
    while (columns.length < n) columns.push({width: 0, blocks: []});
    const width = Math.floor(100 / n);
    columns.forEach((column, c) => { column.width = c < n - 1 ? width : 100 - width * (n - 1); });
}

export function linksField(field, asked) {
    const {block, changed, redraw} = asked;
    const links = (block[field.name] ||= []);
    const drawLink = (link, i) => {
        const network = element("select", {"aria-label": `Network ${i + 1}`}, ...field.choices.map(([one, words]) => element("option", {value: one, selected: one === link.network}, words)));
        network.addEventListener("change", () => { link.network = network.value; changed(field.name); });
        const href = element("input", {type: "text", inputMode: "url", value: link.href || "", placeholder: "https://", autocomplete: "off", "aria-label": `Address ${i + 1}`});
        href.addEventListener("input", () => { link.href = href.value; changed(field.name); });
        href.addEventListener("blur", () => {
            href.value = withScheme(href.value);
            if (href.value === link.href) return;
            link.href = href.value;
            changed(field.name);
        });
        const gone = iconButton("bin", `Remove link ${i + 1}`, () => {
            links.splice(i, 1);
            redraw(field.name);
        });
        return element("div", {className: "with-button"}, network, href, fieldButton(href, asked.area), gone);
    };
    return row({...field, required: true}, ({id, described}) => [
        ...links.map(drawLink),
        textButton("Add a link", () => {
            const free = field.choices.find(([one]) => !links.some((link) => link.network === one)) || field.choices[0];
            links.push({network: free[0], href: ""});
            redraw(field.name);
            [...document.activeElement.closest("[data-field]").querySelectorAll("select")].pop().focus(); // of the new one
        }, {id, "aria-describedby": described}),
    ]);
}
