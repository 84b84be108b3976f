// How live pages write numbers and durations: the twin of formats.py, and tested against it.

export function number(n, digits) {
    const places = digits === undefined ? {maximumFractionDigits: 3} : {minimumFractionDigits: digits, maximumFractionDigits: digits};
    return n.toLocaleString("en", {...places, roundingMode: "halfEven"});
}

export function rate(n) {
    return number(n, n < 10 ? 1 : 0);
}

export function duration(seconds) {
    let rest = Math.max(0, Math.ceil(seconds));
    const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].map(([size, unit]) => {
        const n = Math.floor(rest / size);
        rest %= size;
        return [n, unit];
    });
    const first = parts.findIndex(([n]) => n);
    if (first < 0) return "";
    return parts.slice(first, first + 2).filter(([n]) => n).map(([n, unit]) => n + " " + unit).join(" ");
}
