// The preview beside the editor: asks the server when somebody stops typing, and shows what it rendered.

import {combobox, element} from "./combobox.js";

const PAUSE = 350; // ms without typing
const DESKTOP = 680; // px; a narrower frame shows the mail smaller, as its design for phones is another one

export function livePreview(form, panelShown) {
    const root = form.querySelector(".content-preview");
    const [said, errors, fragment, frame] = ["said", "errors", "shown", "frame"].map((name) => root.querySelector(`[data-${name}]`));
    let timer = 0;
    let request = null;
    const addresses = {}; // of what was rendered last without an error, by language
    let address = "";

    function soon(pause = PAUSE) {
        clearTimeout(timer);
        timer = setTimeout(() => render().catch(() => {}), pause);
    }

    async function render() {
        if (request) request.abort();
        request = new AbortController();
        const {signal} = request;
        const body = new FormData(form);
        const panel = panelShown();
        body.set("language", panel.dataset.language);
        said.textContent = "Rendering…";
        try {
            const response = await fetch(form.dataset.render, {method: "POST", body, signal});
            if (!response.ok) throw new Error(response.status === 403 ? "You are signed out." : `The server answered ${response.status}.`);
            show(await response.json(), panel);
        } catch (error) {
            if (error.name === "AbortError") return;
            said.textContent = `The preview could not be made. ${error.message || ""}`;
        }
    }

    function show(told, panel) {
        said.textContent = "";
        fragment.innerHTML = told.fragment; // made by our own templates, which escape what people wrote
        if (told.shown || told.errors.length === 0) addresses[told.language] = told.shown;
        else if (addresses[told.language]) said.textContent = "Below is how it looked before the error.";
        address = addresses[told.language] || "";
        tellErrors(told.errors, panel);
        for (const tab of form.querySelectorAll("[role=tab]")) {
            const lacks = (told.lacks || {})[tab.dataset.language];
            const note = tab.querySelector("[data-lacks]");
            if (lacks !== undefined) note.textContent = lacks ? `lacks ${lacks}` : "";
        }
        showView();
    }

    /** Show what is wrong beside the preview, and at the blocks and lines where it stands. */
    function tellErrors(told, panel) {
        errors.replaceChildren(...told.map(({path, words}) => element("li", {}, element("strong", {}, `${named(path)}: `), words)));
        errors.hidden = told.length === 0;
        if (panel.dataset.language !== panelShown().dataset.language) return;
        for (const area of panel.querySelectorAll("textarea[data-blocks], textarea[data-slots]")) {
            area.dispatchEvent(new CustomEvent("block-errors", {detail: told.filter((one) => /^(blocks|slots)/.test(one.path))}));
        }
        const source = panel.querySelector("textarea[data-source]");
        source?.dispatchEvent(new CustomEvent("source-errors", {detail: told.filter((one) => one.path === "source")}));
    }

    function named(path) {
        const place = /^blocks\[(\d+)\]/.exec(path);
        return place ? `Block ${Number(place[1]) + 1}` : path.charAt(0).toUpperCase() + path.slice(1);
    }

    function view() {
        return root.querySelector("[name=view]:checked")?.value || "desktop";
    }

    function showView() {
        const chosen = view();
        for (const one of fragment.querySelectorAll("[data-view]")) one.hidden = one.dataset.view !== chosen;
        const isFramed = ["desktop", "phone"].includes(chosen);
        frame.hidden = !isFramed || !address;
        frame.classList.toggle("is-phone", chosen === "phone");
        fit();
        if (isFramed && address) showFrame();
        if (isFramed && !address && fragment.querySelector("[data-view=text]")?.textContent.trim()) {
            fragment.querySelector("[data-view=text]").hidden = false; // text only: there is no HTML to show
        }
    }

    /** Let a mail for the desktop be as wide as one, and make it smaller where there is less room. */
    function fit() {
        const scale = view() === "desktop" ? Math.min(1, (frame.clientWidth || DESKTOP) / DESKTOP) : 1;
        for (const one of frame.querySelectorAll("iframe")) {
            one.style.width = `${100 / scale}%`;
            one.style.height = `${100 / scale}%`;
            one.style.transform = scale < 1 ? `scale(${scale})` : "";
        }
    }

    /** Load the HTML into a frame behind the one that is seen, and put it in its place where that was scrolled to. */
    function showFrame() {
        const goal = `${address}?scheme=${root.querySelector("[name=dark]")?.checked ? "dark" : "light"}`;
        const old = frame.querySelector("iframe:not(.is-coming)");
        if (old.getAttribute("src") === goal) return;
        for (const late of frame.querySelectorAll("iframe.is-coming")) late.remove();
        const next = old.cloneNode(false);
        next.className = "is-coming";
        next.src = goal;
        next.addEventListener("load", () => {
            const top = old.contentWindow?.document?.scrollingElement?.scrollTop || 0;
            next.className = "";
            if (next.contentWindow.document.scrollingElement) next.contentWindow.document.scrollingElement.scrollTop = top;
            old.remove();
        }, {once: true});
        frame.append(next);
    }

    function choosePerson() {
        const place = root.querySelector("[data-person]");
        const box = combobox({
            label: "Preview as",
            shown: form.elements.person_label.value || "Anyone",
            find: async (text, signal) => {
                const response = await fetch(`${form.dataset.people}?${new URLSearchParams({text})}`, {signal});
                const {found} = await response.json();
                return text ? found : [{value: "", label: "Anyone"}, ...found];
            },
            choose: (value, label) => {
                form.elements.person.value = value;
                form.elements.person_label.value = label;
                soon(0);
            },
        });
        box.input.addEventListener("focus", () => box.input.select());
        place.append(box.root);
    }

    root.addEventListener("change", (event) => {
        if (["view", "dark"].includes(event.target.name)) showView();
        if (event.target.name === "theirs") soon(0);
    });
    form.addEventListener("input", (event) => {
        if (!event.target.closest(".content-preview") && event.target.name) soon();
    });
    addEventListener("resize", fit);
    choosePerson();
    return {soon};
}
