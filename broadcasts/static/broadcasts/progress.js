// Keeps the progress strips of a page fresh, once a second, until what they show is finished.
import * as formats from "./formats.js";

(function () {
    const EVERY = 1000;
    const WINDOW = 10; // samples that the shown rate is taken over
    const PATIENCE = 3; // failures in a row before they are told

    // Reads the part of the page again that depends on the state: what is possible now, and what came of it.
    async function renew(panel) {
        const response = await fetch(location.href);
        if (!response.ok || response.redirected) throw new Error("the page answered " + response.status);
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const fresh = document.importNode(page.getElementById(panel.id), true);
        const hadFocus = panel.contains(document.activeElement);
        panel.replaceWith(fresh);
        if (hadFocus) {
            fresh.tabIndex = -1;
            fresh.focus();
        }
        fresh.querySelectorAll("[data-progress]").forEach(follow);
        for (const one of fresh.querySelectorAll("[data-said]")) {
            one.textContent = one.closest(".strip").querySelector('[data-field="label"]').textContent;
        }
    }

    function follow(strip) {
        const bar = strip.querySelector("progress");
        const samples = [];
        let said = "";
        let failures = 0;

        const told = (value) => (typeof value === "number" ? formats.number(value) : value || "");

        // A strip shows the fields that it has; what else is told of the state is for others.
        function put(name, value, isOptional) {
            for (const one of strip.querySelectorAll('[data-field="' + name + '"]')) {
                one.textContent = told(value);
                if (isOptional) one.hidden = !value;
            }
        }

        function rateOf(news) {
            samples.push([performance.now() / 1000, news.gone]);
            if (samples.length > WINDOW) samples.shift();
            const [first, last] = [samples[0], samples[samples.length - 1]];
            return last[0] > first[0] ? (last[1] - first[1]) / (last[0] - first[0]) : news.rate;
        }

        function say(news) {
            // Read aloud only what matters: a new state, or another tenth done.
            const now = news.label + " " + (news.recipients ? Math.floor((10 * news.done) / news.recipients) : 0);
            if (said && said !== now) {
                for (const one of strip.querySelectorAll("[data-said]")) {
                    one.textContent = news.label + ": " + told(news.done) + " of " + told(news.recipients);
                }
            }
            said = now;
        }

        function show(news) {
            const rate = news.finished ? news.rate : rateOf(news);
            const isLeft = !news.finished && rate > 0 && news.pending > 0 && !news.waiting;
            for (const one of strip.querySelectorAll('[data-field="label"]')) {
                one.className = "status status-" + news.status.toLowerCase();
            }
            put("label", news.label);
            put("done", news.done);
            put("recipients", news.recipients);
            put("rate", formats.rate(rate));
            put("left", isLeft ? formats.duration(news.pending / rate) : "");
            for (const one of strip.querySelectorAll("[data-left]")) one.hidden = !isLeft;
            put("waiting", news.waiting, true);
            put("cost", news.cost, true);
            put("error", news.error, true);
            if (bar) {
                bar.max = news.recipients || 1;
                bar.value = news.done;
            }
            for (const one of news.numbers.concat(news.facts, ...(news.channels || []).map((row) => row.numbers))) {
                for (const shown of strip.querySelectorAll('[data-count="' + one.name + '"]')) {
                    shown.textContent = told(one.value);
                }
            }
            say(news);
        }

        function tell(trouble) {
            let note = strip.querySelector("[data-trouble]");
            if (!note && trouble) {
                note = document.createElement("p");
                note.className = "errornote";
                note.setAttribute("role", "alert");
                note.dataset.trouble = "";
                strip.append(note);
            }
            if (note) {
                note.textContent = trouble;
                note.hidden = !trouble;
            }
        }

        // Returns whether there is more to come.
        async function update() {
            const response = await fetch(strip.dataset.progress, {headers: {Accept: "application/json"}});
            if (response.redirected || response.status === 403 || response.status === 404) {
                tell("Progress cannot be updated: you are signed out, or this is gone. Reload the page.");
                return false;
            }
            if (!response.ok) throw new Error("progress answered " + response.status);
            const news = await response.json();
            show(news);
            tell("");
            if (strip.dataset.status !== news.status) {
                const panel = strip.closest("[data-panel]");
                if (panel) {
                    await renew(panel);
                    return false; // its strip is another one now
                }
                if (document.querySelector(".acts") || "undoLeft" in strip.dataset) {
                    location.reload();
                    return false;
                }
                strip.dataset.status = news.status;
            }
            return !news.finished;
        }

        async function poll() {
            let goesOn = true;
            if (!document.hidden) {
                try {
                    goesOn = await update();
                    failures = 0;
                } catch (error) {
                    console.error(error);
                    failures += 1;
                    if (failures >= PATIENCE) {
                        tell("Progress cannot be updated at the moment; it is tried again. Reload the page if this stays.");
                    }
                }
            }
            if (goesOn) setTimeout(poll, failures >= PATIENCE ? 5 * EVERY : EVERY);
        }

        if (!strip.dataset.finished) poll();
    }

    document.querySelectorAll("[data-progress]").forEach(follow);
})();
