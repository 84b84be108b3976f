// Tells below each text what is wrong with its expressions, and offers the names of its syntax; the server checks.
"use strict";
(function () {
    const PAUSE = 400; // ms without typing before it is checked
    const SELECTOR = "[data-expressions]";
    const panels = new WeakMap();

    function panelOf(area) {
        let panel = panels.get(area);
        if (panel) return panel;
        panel = document.createElement("div");
        panel.className = "help expressions";
        const picker = document.createElement("select");
        picker.setAttribute("aria-label", `Insert a name into the ${area.name.split("-").pop()}`);
        picker.addEventListener("change", () => insert(area, picker));
        const list = document.createElement("ul");
        list.setAttribute("role", "status");
        list.id = `${area.id}_expressions`;
        panel.append(picker, list);
        const row = area.closest(".form-row") || area.parentElement;
        (area.closest(".flex-container") || area).after(panel);
        if (!row.contains(panel)) row.append(panel);
        panels.set(area, panel);
        return panel;
    }

    function insert(area, picker) {
        if (!picker.value) return;
        const next = area.value[area.selectionEnd] || "";
        // A name that runs on into the next letter would be another one.
        const name = picker.value.startsWith("@") && /[\w.]/.test(next) ? `@(${picker.value.slice(1)})` : picker.value;
        area.setRangeText(name, area.selectionStart, area.selectionEnd, "end");
        picker.value = "";
        area.dispatchEvent(new Event("input", { bubbles: true }));
        area.focus();
    }

    function offer(picker, names) {
        const options = [new Option("Insert a name…", ""), ...names.map((name) => new Option(name, name))];
        picker.replaceChildren(...options);
        picker.hidden = names.length === 0;
    }

    async function check(area) {
        const form = area.form;
        const organization = form.elements.organization;
        const asked = new FormData();
        const text = area.value;
        asked.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
        asked.set("syntax", form.elements.syntax.value);
        asked.set("organization", (organization && organization.value) || area.dataset.organization || "");
        asked.set("text", text);
        asked.set("json", area.dataset.json || ""); // what holds the texts, if they stand in JSON
        const response = await fetch(area.dataset.expressions, { method: "POST", body: asked });
        if (!response.ok || area.value !== text) return; // it was typed on: a later answer counts
        const told = await response.json();
        const panel = panelOf(area);
        const [picker, list] = panel.children;
        if (document.activeElement !== picker) offer(picker, told.names);
        list.replaceChildren(
            ...told.warnings.map((words) => {
                const item = document.createElement("li");
                item.textContent = words;
                return item;
            })
        );
        list.hidden = told.warnings.length === 0;
        if (told.warnings.length) area.setAttribute("aria-describedby", list.id);
    }

    const timers = new WeakMap();
    function checkSoon(area) {
        if (!area.form || !area.form.elements.syntax || area.name.includes("__prefix__")) return;
        clearTimeout(timers.get(area));
        timers.set(area, setTimeout(() => check(area).catch(() => {}), PAUSE));
    }

    const checkAll = () => document.querySelectorAll(SELECTOR).forEach(checkSoon);
    document.addEventListener("input", (event) => {
        if (event.target.matches(SELECTOR)) checkSoon(event.target);
    });
    document.addEventListener("change", (event) => {
        if (event.target.name === "syntax" || event.target.name === "organization") checkAll();
    });
    document.addEventListener("formset:added", checkAll);
    addEventListener("load", checkAll);
})();
