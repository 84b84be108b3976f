// Keeps the report of a broadcast fresh: often while it is sent, seldom afterwards, and only what has changed is sent.
(function () {
    const SENDING = 5000;
    const AFTERWARDS = 30000;

    function replace(report, text) {
        const page = new DOMParser().parseFromString(text, "text/html");
        const fresh = document.importNode(page.getElementById(report.id), true);
        for (const one of report.querySelectorAll("details[open]")) {
            const same = fresh.querySelector("#" + one.id);
            if (same) same.open = true;
        }
        // The same link or summary keeps the focus, so that a keyboard does not start from the top again.
        const reached = "a, summary";
        const place = Array.from(report.querySelectorAll(reached)).indexOf(document.activeElement);
        report.replaceWith(fresh);
        if (place >= 0) {
            const next = fresh.querySelectorAll(reached)[place];
            if (next) next.focus({preventScroll: true});
        }
        return fresh;
    }

    async function update(report) {
        const response = await fetch(report.dataset.report, {headers: {"If-None-Match": '"' + report.dataset.stamp + '"'}});
        if (response.status === 304 || !response.ok || response.redirected) return report;
        return replace(report, await response.text());
    }

    async function poll(report) {
        if (!document.hidden) {
            try {
                report = await update(report);
            } catch (error) {
                console.warn("The report is tried again:", error);
            }
        }
        later(report);
    }

    function later(report) {
        const strip = document.querySelector("[data-progress]");
        setTimeout(poll, strip && !strip.dataset.finished ? SENDING : AFTERWARDS, report);
    }

    const report = document.querySelector("[data-report]");
    if (report) later(report);
})();
