// Keeps the progress strips of a page fresh, once a second, until their broadcasts are finished.
"use strict";
(function () {
    const EVERY = 1000;
    const WINDOW = 10; // samples that the shown rate is taken over

    function duration(seconds) {
        if (seconds < 90) return Math.max(1, Math.round(seconds)) + " s";
        if (seconds < 5400) return Math.round(seconds / 60) + " min";
        return (seconds / 3600).toFixed(1) + " h";
    }

    function follow(strip) {
        const field = (name) => strip.querySelector('[data-field="' + name + '"]');
        const bar = strip.querySelector("progress");
        const said = strip.querySelector("[data-said]");
        const left = strip.querySelector("[data-left]");
        const samples = [];
        let status = field("label").textContent;
        let tenth = -1;

        function rateOf(news) {
            samples.push([performance.now() / 1000, news.gone]);
            if (samples.length > WINDOW) samples.shift();
            const [first, last] = [samples[0], samples[samples.length - 1]];
            return last[0] > first[0] ? (last[1] - first[1]) / (last[0] - first[0]) : news.rate;
        }

        function say(news) {
            // Read aloud only what matters: a new state, or another tenth done.
            const now = news.recipients ? Math.floor((10 * news.done) / news.recipients) : 0;
            if (news.label === status && now === tenth) return;
            if (tenth >= 0 || news.label !== status) {
                said.textContent = news.label + ": " + news.done + " of " + news.recipients;
            }
            status = news.label;
            tenth = now;
        }

        function show(news) {
            const rate = news.finished ? news.rate : rateOf(news);
            const label = field("label");
            label.textContent = news.label;
            label.className = "status status-" + news.status.toLowerCase();
            field("done").textContent = news.done.toLocaleString("en");
            field("recipients").textContent = news.recipients.toLocaleString("en");
            field("rate").textContent = rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString("en");
            left.hidden = news.finished || !(rate > 0) || !news.pending || news.waiting !== "";
            field("left").textContent = left.hidden ? "" : duration(news.pending / rate);
            bar.max = news.recipients || 1;
            bar.value = news.done;
            for (const name of ["waiting", "error"]) {
                field(name).textContent = news[name];
                field(name).hidden = !news[name];
            }
            for (const one of news.numbers.concat(news.facts)) {
                const shown = strip.querySelector('[data-count="' + one.name + '"]');
                if (shown) shown.textContent = one.value.toLocaleString("en");
            }
            say(news);
        }

        async function poll() {
            let wait = EVERY;
            if (!document.hidden) {
                try {
                    const response = await fetch(strip.dataset.progress, {headers: {Accept: "application/json"}});
                    if (response.redirected || response.status === 403 || response.status === 404) return;
                    if (!response.ok) throw new Error(String(response.status));
                    const news = await response.json();
                    const changed = strip.dataset.status && strip.dataset.status !== news.status;
                    strip.dataset.status = news.status;
                    show(news);
                    // Other actions are possible now; the page that offers them is read again.
                    if (changed && document.querySelector(".acts")) return void location.reload();
                    if (news.finished) return;
                } catch {
                    wait = 5 * EVERY; // the server is away for a moment
                }
            }
            setTimeout(poll, wait);
        }

        if (!strip.dataset.finished) poll();
    }

    document.querySelectorAll("[data-progress]").forEach(follow);
})();
