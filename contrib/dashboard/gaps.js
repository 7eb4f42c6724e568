// Lines through columns with gaps (null). A value between two gaps has no line, so it is a dot.

/* The indices of such values, or null: there are none. */
export function lonely(column) {
    const there = (i) => column[i] !== null && column[i] !== undefined;
    const found = [];
    for (let i = 0; i < column.length; i++) if (there(i) && !there(i - 1) && !there(i + 1)) found.push(i);
    return found.length ? found : null;
}

/* What an SVG path draws of them; a dot is a line of no length, which round caps show. */
export function pathOf(column, x, y) {
    const dots = new Set(lonely(column));
    let line = "", gap = true;
    column.forEach((v, i) => {
        if (v !== null) line += `${gap ? "M" : "L"}${x(i).toFixed(1)} ${y(v).toFixed(1)}${dots.has(i) ? "h0" : ""}`;
        gap = v === null;
    });
    return line;
}
