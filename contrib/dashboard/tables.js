// Rankings as tables: what is scanned, from where, with what, by whom. A row filters the live feed; a
// country also its ports; a source opens its page.
import { make, refill, retext } from "./dom.js";
import { countryName, dayText, number, percent, span, stamp, word } from "./words.js";
import { setState, state } from "./state.js";
import { saveCsv } from "./download.js";

export const TABLES = {
    tcp: { title: "ports", paired: true },
    udp: { title: "udpPorts", paired: true },
    cc: { title: "countries", paired: true },
    asn: { title: "networks" },
    label: { title: "tools" },
    src: { title: "topSources" },
    labelled: { title: "devices" },
};

/* The request that the state stands for. */
/* The window that rankings are asked for. */
export function rankingWindow() {
    const window = /^\d+[hdw]$/.test(state.window) || state.window.includes("-") ? state.window : "24h";
    const hours = /^(\d+)h$/.exec(window);
    return hours && hours[1] !== "1" && Number(hours[1]) % 24 ? "24h" : window;
}

export function tableRequest() {
    const parameters = { sensor: state.sensor, view: state.view, window: rankingWindow(), limit: state.rows };
    if (TABLES[state.table].paired && state.by === "sources") parameters.by = "sources";
    if (state.cc && state.table === "tcp") {
        delete parameters.by;
        Object.assign(parameters, { cc: state.cc, view: "all", window: "24h" });
    }
    return [`top/${state.table}`, parameters];
}

function pickOf(row) {
    return `${state.table === "labelled" ? "src" : state.table}:${row.key}`;
}

function pickButton(row) {
    const pick = pickOf(row);
    const on = state.pick === pick;
    return make("button", { type: "button", class: "pick", "aria-pressed": String(on), title: word("filterFeed"),
        "aria-label": `${word("filterFeed")}: ${row.key}`, onclick: () => setState({ pick: on ? "" : pick }) }, "◉");
}

/* Several sensors or days? Then sources are sums: upper bounds; else an estimate is a sketch's. */
function isSum(answer) {
    return answer.sensors?.length > 1 || (answer.days && answer.days[0] !== answer.days[1]);
}

function count(name, row, answer) {
    const value = row[name];
    if (value === undefined || value === null) return "–";
    if (!row[`${name}_estimated`]) return number(value);
    const [bound, sign] = name === "packets" && !answer.whole ? ["lower", "≥"] : isSum(answer) ? ["upper", "≤"] : ["estimate", "~"];
    return make("span", { title: word(bound) }, `${sign} ${number(value)}`);
}

/* Of a total that is a lower bound, the share of what is exact is at most that. */
function shareText(row, answer) {
    const text = percent(row.packets, answer.total);
    return answer.total_estimated ? `${row.packets_estimated ? "~" : "≤"} ${text}` : text;
}

/* How many there are: of devices that several sensors list, at most; of a ranking that is cut, at least. */
function membersText(answer) {
    if (!answer.members_estimated) return number(answer.members);
    return `${state.table === "labelled" ? "≤" : "≥"} ${number(answer.members)}`;
}

function shareCell(row, answer, most) {
    return make("td", { class: "share" }, make("span", { class: "bar", "aria-hidden": "true" },
        make("span", { style: { width: `${most ? Math.max(0.5, (100 * row.packets) / most) : 0}%` } })),
    make("span", null, row.packets === undefined ? "–" : shareText(row, answer)));
}

/* Columns: the heading, whether it holds numbers, the cell, and the text of CSV. */
function columns(answer) {
    const most = answer.rows.length ? answer.rows[0].packets : 0;
    const link = (row) => make("button", { type: "button", class: "link mono", onclick: () => setState({ source: row.key }) }, row.key);
    const packets = ["packets", true, (row) => count("packets", row, answer), (row) => row.packets];
    const sources = ["sources", true, (row) => count("sources", row, answer), (row) => row.sources];
    const share = ["shareOf", false, (row) => shareCell(row, answer, most), null];
    const cc = ["country", false, (row) => (row.cc ? countryName(row.cc) : "–"), (row) => row.cc];
    const labels = ["labels", false, (row) => (row.labels ? row.labels.split(",").map((label) => make("span", { class: "label" }, label)) : "–"), (row) => row.labels];
    switch (state.table) {
    case "tcp":
    case "udp":
        return [["port", true, (row) => make("b", null, row.key), (row) => row.key], ["service", false, (row) => row.service || "–", (row) => row.service],
            packets, share, !(state.cc && state.table === "tcp") && sources,
            ["device", false, (row) => (row.device ? [make("b", null, row.device), make("small", null, row.weakness)] : ""), (row) => (row.device ? `${row.device}: ${row.weakness}` : "")]];
    case "cc":
        return [["country", false, (row) => make("button", { type: "button", class: "link", disabled: answer.whole || !/^[A-Z]{2}$/.test(row.key),
            onclick: () => setState({ cc: row.key, table: "tcp" }) }, countryName(row.key)), (row) => row.key], packets, share, sources];
    case "asn":
        return [["as", true, (row) => (row.key === "0" ? "–" : row.key), (row) => row.key],
            ["name", false, (row) => (row.key === "0" ? word("unknown") : row.name || "–"), (row) => row.name], packets, share];
    case "label":
        return [["tool", false, (row) => make("b", null, row.key), (row) => row.key], packets, ["shareOfMatches", ...share.slice(1)]];
    case "src":
        return [["source", false, link, (row) => row.key], packets, share, labels, cc];
    default:
        return [["source", false, link, (row) => row.key], labels, ["lastSeen", false, (row) => stamp(row.last), (row) => row.last],
            ["firstSeen", false, (row) => stamp(row.first), (row) => row.first], packets, cc, ["portsOf", false, (row) => make("small", { class: "mono" }, row.ports || "–"), (row) => row.ports]];
    }
}

function spanText(answer) {
    if (answer.whole) return word("wholeCapture");
    if (state.table === "labelled") return word("spanRegistry");
    if (answer.days) return word("spanDays", dayText(answer.days[0]), dayText(answer.days[1]));
    return word("spanTrailing", span(answer.trailing));
}

export class Tables {
    build(element) {
        const tab = (key) => make("button", { type: "button", role: "tab", id: `tab-${key}`, "aria-selected": String(state.table === key), "aria-controls": "table-panel",
            tabindex: state.table === key ? "0" : "-1", onclick: () => setState({ table: key, rows: "20" }) }, word(TABLES[key].title));
        const tabs = make("div", { role: "tablist", "aria-label": word("tables"), class: "tabs" }, Object.keys(TABLES).map(tab));
        tabs.addEventListener("keydown", (event) => this.onKey(event, tabs));
        this.note = make("p", { class: "note", id: "table-note" });
        this.filters = make("p", { class: "filters" });
        this.body = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": word(TABLES[state.table].title) });
        this.below = make("div", { class: "below" });
        refill(element, tabs, make("div", { role: "tabpanel", id: "table-panel", "aria-labelledby": `tab-${state.table}` },
            make("div", { class: "tools" }, this.note, TABLES[state.table].paired && this.bySelect(),
                make("button", { type: "button", class: "tool", id: "table-csv", "aria-label": word("csvOf", word(TABLES[state.table].title)), onclick: () => this.save() }, "↓ CSV")),
            this.filters, this.body, this.below));
        this.drawn = "";
        this.drawFilters();
    }

    bySelect() {
        return make("select", { id: "by", "aria-label": word("rank"), onchange: (event) => setState({ by: event.target.value }) },
            ["packets", "sources"].map((by) => make("option", { value: by, selected: state.by === by }, word(by))));
    }

    onKey(event, tabs) {
        const keys = Object.keys(TABLES);
        const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!move) return;
        const next = keys[(keys.indexOf(state.table) + move + keys.length) % keys.length];
        setState({ table: next, rows: "20" });
        document.getElementById(`tab-${next}`)?.focus();
        event.preventDefault();
        tabs.scrollLeft += 0;
    }

    drawFilters() {
        const chip = (text, changes) => make("button", { type: "button", class: "chip", title: word("clear"), onclick: () => setState(changes) }, text, make("span", { "aria-hidden": "true" }, " ✕"));
        refill(this.filters, state.cc && chip(word("inCountry", countryName(state.cc)), { cc: "" }),
            state.pick && chip(word("only", state.pick), { pick: "" }));
    }

    draw(answer) {
        this.answer = answer;
        retext(this.note, `${word(TABLES[state.table].title)} · ${state.cc && state.table === "tcp" ? word("inCountry", countryName(state.cc)) : spanText(answer)} · ${word("rowsOf", number(answer.rows.length), membersText(answer))}`);
        const text = JSON.stringify([answer.rows, state.pick, state.by, document.documentElement.lang]);
        if (text === this.drawn) return;
        this.drawn = text;
        const shown = columns(answer).filter(Boolean);
        refill(this.body, answer.rows.length ? make("table", { id: "ranking" },
            make("thead", null, make("tr", null, make("th", { scope: "col", class: "n" }, word("rank")),
                shown.map(([title, n]) => make("th", { scope: "col", class: n ? "n" : null }, word(title))),
                make("th", { scope: "col" }, make("span", { class: "hidden" }, word("only", ""))))),
            make("tbody", null, answer.rows.map((row, i) => make("tr", { "data-key": row.key, class: state.pick && state.pick === pickOf(row) ? "picked" : null },
                make("td", { class: "n dim" }, String(i + 1)),
                shown.map(([title, n, cell]) => {
                    const content = cell(row);
                    if (content instanceof HTMLTableCellElement) return content;
                    return make("td", { class: n ? "n" : null, "data-value": title === "packets" || title === "sources" ? row[title] ?? null : null }, content);
                }),
                make("td", null, pickButton(row)))))) : make("p", { class: "empty" }, state.cc && state.table === "tcp" ? word("onlyDay") : word("nothing")));
        const more = { 20: "100", 100: "1000" }[state.rows];
        refill(this.below, more && answer.members > answer.rows.length && make("button", { type: "button", class: "tool", id: "more", onclick: () => setState({ rows: more }) }, word("more")),
            state.rows !== "20" && make("button", { type: "button", class: "tool", onclick: () => setState({ rows: "20" }) }, word("fewer")));
    }

    fail(error) {
        this.drawn = "";
        refill(this.body, make("p", { class: "empty" }, error.status === 400 ? error.message : word("away")));
        refill(this.below);
        retext(this.note, word(TABLES[state.table].title));
    }

    save() {
        if (!this.answer) return;
        const shown = columns(this.answer).filter((column) => column && column[3]);
        saveCsv(`${state.table}-${state.view}`, shown.map(([title]) => word(title)), this.answer.rows.map((row) => shown.map((column) => column[3](row))));
    }
}
