// Blocks as data: a list, columns with lists in it, and places such as [2] or [2, 0, 1] (block, column, block within).

const last = (place) => place[place.length - 1];
const within = (place, i) => [...place.slice(0, -1), i];

/** Return the list in which a place is. */
export function listOf(blocks, place) {
    return place.length === 1 ? blocks : blocks[place[0]].columns[place[1]].blocks;
}

export function at(blocks, place) {
    return listOf(blocks, place)[last(place)];
}

/** Yield [block, place] of all blocks, as they are drawn. */
export function* walk(blocks) {
    for (const [i, block] of blocks.entries()) {
        yield [block, [i]];
        for (const [c, column] of (block.columns || []).entries()) {
            for (const [k, inner] of column.blocks.entries()) yield [inner, [i, c, k]];
        }
    }
}

/** Return {place, rest} of a path such as blocks[2].href; null if it is no path into this list. */
export function parsed(name, path) {
    const found = /^(\w+)\[(\d+)\](?:\.columns\[(\d+)\]\.blocks\[(\d+)\])?\.?(.*)$/.exec(path);
    if (!found || found[1] !== name) return null;
    return {place: found.slice(2, 5).filter((one) => one !== undefined).map(Number), rest: found[5]};
}

export function insert(blocks, place, block) {
    listOf(blocks, place).splice(last(place), 0, block);
    return place;
}

export function remove(blocks, place) {
    return listOf(blocks, place).splice(last(place), 1)[0];
}

/** Move a block before the place `to`, as places are before the move; return where it stands then. */
export function move(blocks, from, to) {
    const block = remove(blocks, from);
    const goal = [...to];
    if (from.length === to.length && String(within(from, 0)) === String(within(to, 0))) {
        if (last(from) < last(to)) goal[goal.length - 1] -= 1;
    } else if (from.length === 1 && from[0] < to[0]) goal[0] -= 1;
    return insert(blocks, goal, block);
}

/** Return the place before which a block comes that goes one step up (-1) or down (1), into and out of columns; null at the end. */
export function stepped(blocks, place, step) {
    return place.length === 1 ? steppedOutside(blocks, place[0], step) : steppedWithin(blocks, place, step);
}

function steppedOutside(blocks, i, step) {
    const next = blocks[i + step];
    if (!next) return null;
    if (!next.columns || blocks[i].columns) return [step < 0 ? i - 1 : i + 2];
    const column = step < 0 ? next.columns.length - 1 : 0;
    return [i + step, column, step < 0 ? next.columns[column].blocks.length : 0];
}

function steppedWithin(blocks, [i, c, k], step) {
    const {columns} = blocks[i];
    if (step < 0 && k > 0) return [i, c, k - 1];
    if (step > 0 && k + 1 < columns[c].blocks.length) return [i, c, k + 2];
    const beside = columns[c + step];
    if (beside) return [i, c + step, step < 0 ? beside.blocks.length : 0];
    return [step < 0 ? i : i + 1];
}

/** What was, and what was undone. Changes with the same key, one after the other, are one. */
export class History {
    constructor(text) {
        this.past = [];
        this.text = text;
        this.future = [];
        this.key = null;
    }

    note(text, key = null) {
        if (text === this.text) return;
        if (key === null || key !== this.key) this.past.push(this.text);
        if (this.past.length > 100) this.past.shift();
        this.key = key;
        this.text = text;
        this.future = [];
    }

    /** Go a step back (-1) or forth (1); return the text, or null if there is none. */
    go(step) {
        const [from, to] = step < 0 ? [this.past, this.future] : [this.future, this.past];
        if (!from.length) return null;
        to.push(this.text);
        this.text = from.pop();
        this.key = null;
        return this.text;
    }
}
