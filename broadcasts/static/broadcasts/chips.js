// Merge fields in rich text: code within text becomes a span that the editor treats as one piece, and back.

import {read} from "./editing.js";

const LIQUID = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g;
const NAME = /@(?:contact|fields|globals|urns|results|parent|child|node|input|run|trigger|legacy_extra|webhook)(?:\.\w+)*/g;

/** Yield [start, end] of each merge field in a text. */
function* pieces(text, syntax) {
    if (syntax === "liquid") {
        for (const found of text.matchAll(LIQUID)) yield [found.index, found.index + found[0].length];
    } else if (syntax === "expressions") yield* expressions(text);
}

function* expressions(text) {
    for (let i = text.indexOf("@"); i >= 0; i = text.indexOf("@", i)) {
        let end = i + 1;
        if (text[i + 1] === "@") end = i + 2; // stands for the sign itself
        else if (text[i + 1] === "(") {
            end = closing(text, i + 1);
            if (end > i) yield [i, end];
        } else {
            NAME.lastIndex = i;
            const found = NAME.exec(text);
            if (found && found.index === i && !/\w/.test(text[i - 1] || "")) {
                end = i + found[0].length;
                yield [i, end];
            }
        }
        i = Math.max(end, i + 1);
    }
}

/** Return the place after the bracket that closes the one at `start`; -1 if there is none. Brackets in quotes do not count. */
function closing(text, start) {
    let depth = 0;
    let isQuoted = false;
    for (let i = start; i < text.length; i += 1) {
        if (text[i] === '"') isQuoted = !isQuoted;
        else if (!isQuoted && text[i] === "(") depth += 1;
        else if (!isQuoted && text[i] === ")" && (depth -= 1) === 0) return i + 1;
    }
    return -1;
}

function texts(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) found.push(walker.currentNode);
    return found;
}

/** Return HTML in which each merge field of the text is a span. */
export function hidden(html, syntax) {
    const body = read(html);
    for (const node of texts(body)) {
        const text = node.data;
        let end = 0;
        const parts = [];
        for (const [from, to] of pieces(text, syntax)) {
            const span = document.createElement("span");
            span.dataset.field = text.slice(from, to);
            parts.push(text.slice(end, from), span);
            end = to;
        }
        if (parts.length) node.replaceWith(...parts, text.slice(end));
    }
    return body.innerHTML;
}

/** Return HTML in which each span of a merge field is its code again. */
export function revealed(html) {
    const body = read(html);
    for (const one of body.querySelectorAll("span[data-field]")) one.replaceWith(one.dataset.field);
    return body.innerHTML;
}

/** Return what makes a merge field of what is being typed, when its last sign comes; null for plain text. */
export function typedPattern(syntax) {
    if (syntax === "liquid") return /\{\{[^{}]*\}\}$|\{%[^{}%]*%\}$/;
    return syntax === "expressions" ? /@\((?:[^()"]|"[^"]*"|\([^()]*\))*\)$/ : null;
}
