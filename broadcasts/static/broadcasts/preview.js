// A preview in a frame: the button with data-draws sends the form into it; this does so while somebody writes.

const WAIT = 600; // milliseconds after the last key

for (const button of document.querySelectorAll("button[data-draws]")) {
    let timer = null;
    const draw = () => button.form.requestSubmit(button);
    button.form.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(draw, WAIT);
    });
}
