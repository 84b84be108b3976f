// Saves a form while somebody types: nothing that was typed more than five seconds ago is lost.
// The form is posted to its own address; one request at a time, and again and again while there is no answer.

const QUIET = 1500; // after the last change
const LATEST = 4000; // after the first change that is not stored
const LOOK = 500; // for changes that no event tells, such as those of pickers
const OPEN = 15000;
const PAUSES = [1000, 2000, 4000, 8000, 10000];
const PATIENCE = 20000;
const LINGER = 3000; // before a link is followed
const BEACON = 60000; // bytes that a browser still sends for a page that is left
const APART = ["csrfmiddlewaretoken", "seen"]; // what a form holds beside what is typed

const later = (pause) => new Promise((done) => { setTimeout(done, pause); });

class Autosave {
    constructor(form, onSaved) {
        Object.assign(this, {form, onSaved, sending: null, unanswered: null, failures: 0, first: 0, timer: 0, isOver: false});
        this.stored = "isUnsaved" in form.dataset ? null : this.words();
        this.shown = document.querySelector("[data-saved]");
        this.others = document.querySelector("[data-others]");
        this.card = document.querySelector("[data-card]");
        this.mark();
        for (const kind of ["input", "change"]) form.addEventListener(kind, () => this.look());
        addEventListener("submit", (event) => {
            if (event.target === form && !event.defaultPrevented && !event.submitter?.formTarget) this.isLeft = true;
        });
        addEventListener("pageshow", () => { this.isLeft = false; });
        addEventListener("online", () => this.wake?.());
        addEventListener("pagehide", () => this.last());
        document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") this.now(); });
        document.addEventListener("click", (event) => this.follow(event));
        setInterval(() => this.look(), LOOK);
        setInterval(() => this.tellOpen(), OPEN);
        this.tellOpen();
        this.look();
    }

    /** The form as it is posted; with `all` also what is not typed. */
    words(all = false) {
        const data = new URLSearchParams(new FormData(this.form));
        if (all) return data.toString();
        for (const field of this.form.querySelectorAll("[data-unnoticed] [name]")) data.delete(field.name);
        for (const name of APART) data.delete(name);
        return data.toString();
    }

    get isStored() {
        return this.stored !== null && this.words() === this.stored;
    }

    /** Say to `unsaved.js` whether leaving the page would lose something. */
    mark() {
        const isStored = this.isStored && this.unanswered === null;
        this.form.dataset.autosave = isStored ? "stored" : "pending";
        if (isStored) delete this.form.dataset.isUnsaved;
        return isStored;
    }

    look() {
        if (this.isOver || this.isLeft) return;
        const words = this.words();
        if (words === this.looked) return;
        this.looked = words;
        if (this.mark()) return;
        this.first ||= Date.now();
        this.plan(Math.min(QUIET, Math.max(0, this.first + LATEST - Date.now())));
        if (!this.failures) this.say("Saving…", "busy");
    }

    plan(pause) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.now(), pause);
    }

    /** Save what is not stored; resolves to whether everything is, once there was an answer. */
    now() {
        clearTimeout(this.timer);
        if (this.isOver || this.isLeft) return Promise.resolve(false);
        if (this.isStored && this.unanswered === null) return Promise.resolve(true);
        this.sending ||= this.send().finally(() => { this.sending = null; });
        return this.sending;
    }

    /** The same, also of what is typed while an earlier request is under way. */
    async all() {
        return await this.now() || this.now();
    }

    async send() {
        // What was not answered may have been stored: it is sent again as it was, so that it is no conflict.
        this.unanswered ||= {words: this.words(), body: this.words(true)};
        this.first = Date.now();
        for (;;) {
            const answer = await this.post(this.unanswered.body);
            if (answer !== null) return this.take(answer);
            await this.pause();
            if (this.isOver || this.isLeft) return false;
        }
    }

    async post(body, kind = "1") {
        const stop = new AbortController();
        const timer = setTimeout(() => stop.abort(), PATIENCE);
        try {
            const answer = await fetch(this.form.getAttribute("action") || location.href, {
                method: "POST",
                headers: {
                    "Content-Type": "application/x-www-form-urlencoded",
                    "X-Autosave": kind,
                    "X-CSRFToken": /(?:^|; )csrftoken=([^;]*)/.exec(document.cookie)?.[1] || "",
                },
                body: withoutToken(body),
                redirect: "manual",
                signal: stop.signal,
            });
            return await this.read(answer);
        } catch {
            this.trouble = "no connection";
            return null;
        } finally {
            clearTimeout(timer);
        }
    }

    /** Return what was answered; null where the same has to be sent again. */
    async read(answer) {
        if (answer.type === "opaqueredirect" || answer.status === 403) {
            this.trouble = "you are signed out. Sign in in another window";
            return null;
        }
        if (answer.status >= 500 || answer.status === 429) {
            this.trouble = "the server does not answer";
            return null;
        }
        if (answer.ok || answer.status === 409) return answer.json();
        return {state: "refused", words: [`the server refused it (${answer.status})`]};
    }

    /** Say that it is not saved, and wait a little longer each time. */
    async pause() {
        const pause = PAUSES[Math.min(this.failures, PAUSES.length - 1)];
        this.failures += 1;
        this.say(`Not saved: ${this.trouble}. Trying again…`, "wrong");
        this.mark();
        await Promise.race([later(pause), new Promise((done) => { this.wake = done; })]);
    }

    /** Show what was answered; whether everything is stored now. */
    take(answer) {
        const {words} = this.unanswered;
        this.unanswered = null;
        this.failures = this.first = 0;
        const says = {
            saved: () => this.say(`Saved ${answer.at}`, "saved"),
            kept: () => this.say(`Not saved yet: ${answer.words.join(" ")}`, "kept"),
            conflict: () => this.conflict(answer),
            begun: () => this.over(answer),
            refused: () => this.say(`Not saved: ${answer.words.join(" ")}`, "wrong"),
        };
        if (["saved", "kept", "conflict"].includes(answer.state)) this.stored = words;
        if (answer.state === "saved" && this.form.elements.seen) this.form.elements.seen.value = answer.seen;
        says[answer.state]();
        this.mark();
        this.show(answer);
        this.onSaved(answer);
        this.form.dispatchEvent(new CustomEvent("autosaved", {detail: answer}));
        this.looked = null; // what was typed meanwhile waits for its own time
        this.look();
        return this.isStored;
    }

    conflict(answer) {
        this.say("Not saved: somebody else changed the same", "wrong");
        const notice = document.querySelector("[data-conflict]");
        if (!notice || !notice.hidden) return;
        notice.querySelector("[data-by]").textContent = answer.by || "Somebody";
        notice.hidden = false;
    }

    over(answer) {
        this.isOver = true;
        this.say(`Not saved: ${answer.words.join(" ")}`, "wrong");
        const link = document.createElement("a");
        Object.assign(link, {href: answer.goal, textContent: "Open the broadcast"});
        this.shown?.append(" ", link);
    }

    say(words, kind) {
        if (!this.shown || this.shown.textContent === words) return;
        this.shown.textContent = words;
        this.shown.dataset.kind = kind;
    }

    show({card, others, steps, state}) {
        if (this.others && others) this.others.textContent = others.map((one) => `${one.name} is on step ${one.step}.`).join(" ");
        if (this.card && card) this.card.dispatchEvent(new CustomEvent("card", {detail: {card, steps, isSaved: state === "saved"}}));
    }

    async tellOpen() {
        if (this.isOver || this.isLeft || this.sending || document.visibilityState === "hidden") return;
        const seen = this.form.elements.seen?.value;
        const answer = await this.post("", "open");
        if (!answer || answer.state !== "open") return;
        this.show({others: answer.others});
        const isOurs = this.sending || !this.isStored || this.form.elements.seen?.value !== seen;
        if (seen && answer.seen !== seen && !isOurs) this.say("Somebody changed this step. Load the page again to see it.", "wrong");
    }

    /** Save before a link of the page is followed; where that takes too long, the browser asks whether to leave. */
    async follow(event) {
        const link = event.target.closest?.("a[href]");
        const isPlain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
        if (!link || !isPlain || event.defaultPrevented || link.target || link.origin !== location.origin) return;
        if (link.getAttribute("href").startsWith("#") || this.isOver || this.mark()) return;
        event.preventDefault();
        await Promise.race([this.all(), later(LINGER)]);
        location.assign(link.href);
    }

    /** The page is left: send what is not stored without waiting. */
    last() {
        if (this.isOver || this.isLeft || this.isStored) return;
        const body = this.words(true);
        if (body.length > BEACON) return;
        fetch(this.form.getAttribute("action") || location.href, {
            method: "POST",
            keepalive: true,
            headers: {"Content-Type": "application/x-www-form-urlencoded", "X-Autosave": "1"},
            body,
        }).catch(() => {});
    }
}

/** The token of the cookie is sent instead: it changes when somebody signs in again in another window. */
function withoutToken(body) {
    const data = new URLSearchParams(body);
    if (/(?:^|; )csrftoken=/.test(document.cookie)) data.delete("csrfmiddlewaretoken");
    return data.toString();
}

/** Save a form as it is typed. Returns an object whose `all()` saves at once and resolves to whether all is stored. */
export function autosave(form, {onSaved = () => {}} = {}) {
    return new Autosave(form, onSaved);
}
