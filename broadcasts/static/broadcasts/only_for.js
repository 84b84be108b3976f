// Shows only the fields that belong to what is chosen in another one, such as an e-mail service; without it all are shown.
"use strict";
(function () {
    function choiceOf(field) {
        return field.form && field.form.querySelector(`select[name$="${field.dataset.chosenBy}"]`);
    }

    function show(field) {
        const choice = choiceOf(field);
        const row = field.closest(".form-row");
        if (choice && row) row.hidden = choice.value !== "" && !field.dataset.onlyFor.split(" ").includes(choice.value);
    }

    for (const field of document.querySelectorAll("[data-only-for]")) {
        const choice = choiceOf(field);
        if (choice) choice.addEventListener("change", () => show(field));
        show(field);
    }
})();
