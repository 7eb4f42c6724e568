// Tables as CSV and pictures as SVG, for reports.

function save(name, type, text) {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/* RFC 4180; what a spreadsheet would take for a formula is made text. */
function cell(value) {
    let text = value === null || value === undefined ? "" : String(value);
    if (/^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export function saveCsv(name, header, rows) {
    const lines = [header, ...rows].map((row) => row.map(cell).join(","));
    save(`nightscope-${name}.csv`, "text/csv", `${lines.join("\r\n")}\r\n`);
}

export function saveSvg(name, element) {
    element.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    save(`nightscope-${name}.svg`, "image/svg+xml", new XMLSerializer().serializeToString(element));
}
