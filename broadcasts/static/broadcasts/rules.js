// Rules as JSON and rules as a tree of rows, each made of the other. Whatever rows cannot show stays as it is.

const MODES = {all: ["all", false], any: ["any", false], none: ["any", true], "not all": ["all", true]};
const OF_ONE_ATTENDANCE = ["activity", "attendance_status"]; // beside each other they mean more than each alone

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether an input of the catalogue can show a value; null is one that is still to be given. */
export function fits(input, value) {
    if (value === null) return true;
    if (Array.isArray(value)) return input.many && value.length > 0 && value.every((one) => one !== null && !Array.isArray(one) && fits(input, one));
    if (input.type === "parts") {
        return isObject(value) && Object.entries(value).every(([key, one]) => {
            const part = input.parts.find((each) => each.key === key);
            return part && one !== null && fits(part.input, one);
        });
    }
    return typeof value === (input.type === "number" ? "number" : "string") && input.type !== "none";
}

/** The tree of some rules; its root is always a group. */
export function parse(json, fields) {
    const operators = fields.flatMap((field) => field.operators);

    function operatorOf(key, negated, value) {
        const same = operators.filter((one) => one.key === key && one.negated === negated);
        return same.find((one) => one.input.type === "none" && one.value === value) || same.find((one) => fits(one.input, value));
    }

    const group = (mode, children, how = {}) => ({kind: "group", mode, children, ...how});
    const raw = (value) => ({kind: "raw", value});
    const isBranch = (key, value) => (key === "all" || key === "any") && Array.isArray(value) && value.length > 0;
    const isPair = (keys) => OF_ONE_ATTENDANCE.every((key) => keys.includes(key));
    const each = (node) => Object.entries(node).map(([key, value]) => read(Object.fromEntries([[key, value]])));

    function negation(inner) {
        const keys = isObject(inner) ? Object.keys(inner) : [];
        if (keys.length > 1 && !isPair(keys)) return group("not all", each(inner), {flat: true});
        const [key, value] = keys.length === 1 ? [keys[0], inner[keys[0]]] : [];
        if (isBranch(key, value)) return group(key === "any" ? "none" : "not all", value.map(read));
        const operator = keys.length === 1 && operatorOf(key, true, value);
        if (operator) return {kind: "row", operator, value};
        return keys.length ? group("none", [read(inner)], {bare: true}) : raw({not: inner});
    }

    function read(node) {
        const keys = isObject(node) ? Object.keys(node) : [];
        if (keys.length === 0 || isPair(keys)) return raw(node);
        if (keys.length > 1) return group("all", each(node), {flat: true});
        const [key, value] = [keys[0], node[keys[0]]];
        if (isBranch(key, value)) return group(key, value.map(read));
        if (key === "not") return negation(value);
        const operator = operatorOf(key, false, value);
        return operator ? {kind: "row", operator, value} : raw(node);
    }

    if (isObject(json) && Object.keys(json).length === 0) return group("all", [], {flat: true});
    const root = read(json);
    return root.kind === "group" ? root : group("all", [root], {flat: true});
}

/** The JSON of a tree; on the way every node learns its path, as the server names it. */
export function write(node, path = "") {
    node.path = path;
    if (node.kind === "raw") return writeRaw(node, path);
    if (node.kind === "row") return writeRow(node, path);
    const [word, negated] = MODES[node.mode];
    const inside = negated ? `${path}.not` : path;
    const body = writeGroup(node, word, inside);
    return negated ? {not: body} : body;
}

function writeRaw(node, path) {
    const keys = isObject(node.value) ? Object.keys(node.value) : [];
    if (keys.length === 1) node.path = `${path}.${keys[0]}`;
    return node.value;
}

function writeRow(node, path) {
    if (!node.operator) return {"": null}; // the server refuses it: what is half done is never saved
    const {key, negated, input, value} = node.operator;
    node.path = `${path}${negated ? ".not" : ""}.${key}`;
    const condition = Object.fromEntries([[key, input.type === "none" ? value : node.value]]);
    return negated ? {not: condition} : condition;
}

function writeGroup(node, word, path) {
    const {children} = node;
    if (children.length === 1 && (node.bare || (node.flat && word === "all"))) return write(children[0], path);
    if (node.flat && word === "all") {
        const parts = children.map((child) => write(child, path));
        const keys = parts.flatMap((part) => (isObject(part) ? Object.keys(part) : ["", ""]));
        const apart = new Set(keys).size === keys.length && !OF_ONE_ATTENDANCE.every((key) => keys.includes(key));
        if (apart) return Object.fromEntries(parts.flatMap(Object.entries));
    }
    return Object.fromEntries([[word, children.map((child, i) => write(child, `${path}.${word}[${i}]`))]]);
}

/** The parts that a row must have and has not. */
export function absent(node) {
    const {input} = node.operator || {};
    return input && input.type === "parts" ? input.parts.filter((part) => part.required && !(part.key in (node.value || {}))) : [];
}

/** What is still missing in a row or group, in words; "" when it is whole. */
export function missing(node) {
    if (node.kind === "group") return node.children.length || node.isRoot ? "" : "This group is empty: add a condition, or remove it.";
    if (node.kind === "raw") return node.broken ? "This is not JSON." : "";
    if (!node.operator) return "Choose what this condition is about, or remove it.";
    const {input} = node.operator;
    if (input.type === "none") return "";
    if (input.type !== "parts") return node.value === null ? "Give a value." : "";
    const labels = absent(node).map((part) => part.label);
    if (labels.length) return `Give also: ${labels.join(", ")}.`;
    return Object.keys(node.value || {}).length ? "" : "Give at least one of these.";
}

/** All nodes of a tree, from the root down. */
export function* nodes(node) {
    yield node;
    for (const child of node.children || []) yield* nodes(child);
}
