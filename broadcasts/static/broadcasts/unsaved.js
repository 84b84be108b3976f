// Asks before a page is left on which something is written that is not saved.
"use strict";
(function () {
    const NO_WORDS = ["submit", "button", "reset", "image"];
    const WORDS = ["text", "textarea", "email", "url", "tel", "number", "date", "search"];
    let isSending = false;

    function isChanged(field) {
        if (!field.name || field.disabled || NO_WORDS.includes(field.type) || field.closest("[data-unnoticed]")) return false;
        if (field.type === "file") return field.files.length > 0;
        if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
        if (field.options) return isChosenAnew(field);
        return field.value !== field.defaultValue;
    }

    function isChosenAnew(select) {
        const options = [...select.options];
        if (select.multiple || options.some((one) => one.defaultSelected)) {
            return options.some((one) => one.selected !== one.defaultSelected);
        }
        return select.selectedIndex > 0; // nothing is marked as chosen: the browser chooses the first
    }

    function isWritten(field) {
        return field.name && !field.disabled && WORDS.includes(field.type) && field.value.trim() !== "";
    }

    // What stands in a refused form is what was typed. A file does not come back: beside it, only words can be lost.
    function holdsRefused(form) {
        if (form.querySelector(".errorlist") === null) return false;
        const fields = [...form.elements];
        return !fields.some((one) => one.type === "file") || fields.some(isWritten);
    }

    function isUnsaved(form) {
        if ("autosave" in form.dataset) return form.dataset.autosave !== "stored"; // autosave.js knows
        return "isUnsaved" in form.dataset || holdsRefused(form) || [...form.elements].some(isChanged);
    }

    const forms = [...document.querySelectorAll("form[data-unsaved], .change-form #content-main form[id$='_form']")];
    addEventListener("submit", (event) => {
        const isPreview = Boolean(event.submitter?.formTarget); // it goes into a frame, and this page stays
        if (forms.includes(event.target) && !isPreview) isSending = !event.defaultPrevented;
    });
    addEventListener("pageshow", () => { isSending = false; });
    addEventListener("beforeunload", (event) => {
        if (isSending || !forms.some(isUnsaved)) return;
        event.preventDefault();
        event.returnValue = true; // for browsers that do not listen to the line above
    });
})();
