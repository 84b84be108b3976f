// Tells beside each text of an SMS how many segments it is; the server counts.
"use strict";
(function () {
    const PAUSE = 300; // ms without typing before it is counted

    function panelOf(area) {
        const answer = area.closest(".answer"); // several of them stand in one row
        const row = answer || area.closest(".form-row") || area.parentElement;
        let panel = row.querySelector(".sms-count");
        if (panel === null) {
            panel = document.createElement("p");
            panel.className = "help sms-count";
            panel.setAttribute("role", "status");
            // Beside it the text would have no room.
            if (answer) answer.append(panel);
            else (area.closest(".flex-container") || area).after(panel);
        }
        return panel;
    }

    function replaceButton(area, plain) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "button";
        button.textContent = "Replace fancy characters";
        button.addEventListener("click", () => {
            area.value = plain;
            area.dispatchEvent(new Event("input", { bubbles: true }));
            area.focus();
        });
        return button;
    }

    async function count(area) {
        const form = area.form;
        const channel = form.elements.channel;
        const asked = new FormData();
        asked.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
        asked.set("channel", channel ? channel.value : "");
        asked.set("medium", form.elements.medium ? form.elements.medium.value : area.dataset.medium || "");
        asked.set("organization", area.dataset.organization || "");
        asked.set("text", area.value || area.placeholder);
        const text = area.value;
        const response = await fetch(area.dataset.smsCount, { method: "POST", body: asked });
        if (!response.ok || area.value !== text) return; // it was typed on: a later answer counts
        const told = await response.json();
        const panel = panelOf(area);
        panel.textContent = told.line;
        panel.hidden = !told.line;
        if (told.plain) panel.append(" ", replaceButton(area, told.plain));
    }

    const timers = new WeakMap();
    function countSoon(area) {
        clearTimeout(timers.get(area));
        timers.set(area, setTimeout(() => count(area).catch(() => {}), PAUSE));
    }

    const areas = () => [...document.querySelectorAll("textarea[data-sms-count]")].filter((one) => one.form && !one.name.includes("__prefix__"));
    document.addEventListener("input", (event) => {
        if (event.target.matches("textarea[data-sms-count]")) countSoon(event.target);
    });
    addEventListener("load", () => {
        areas().forEach(countSoon);
        const picker = document.querySelector("#id_channel");
        const medium = document.querySelector("#id_medium");
        if (medium) medium.addEventListener("change", () => areas().forEach(countSoon));
        // The picker tells its changes by jQuery only.
        if (picker && window.django) window.django.jQuery(picker).on("change", () => areas().forEach(countSoon));
    });
})();
