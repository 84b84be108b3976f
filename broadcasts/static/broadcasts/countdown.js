// Counts down until a broadcast begins that can still be stopped; what becomes of it then, progress.js follows.
import * as formats from "./formats.js";

const EVERY = 250;

for (const strip of document.querySelectorAll("[data-undo-left]")) {
    const shown = strip.querySelector('[data-field="undo"]');
    const end = Date.now() + 1000 * Number(strip.dataset.undoLeft);
    const show = () => {
        const left = formats.duration((end - Date.now()) / 1000);
        shown.textContent = left ? "in " + left : "any moment now";
        if (!left) clearInterval(timer);
    };
    const timer = setInterval(show, EVERY);
    show();
}
