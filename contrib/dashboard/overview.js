// The overview: the newest minute, the window, what share of it is IoT, who scans with what, what
// was lost, and how fresh all of it is.
import { make, refill, svg } from "./dom.js";
import { pathOf } from "./gaps.js";
import { dayText, number, percent, short, span, stamp, word } from "./words.js";
import { state } from "./state.js";
import { saveCsv } from "./download.js";

const SILENT_AFTER_S = 180;

function card(name, title, ...children) {
    return make("article", { class: `card card-${name}`, id: `card-${name}` }, make("h3", null, title), children);
}

function big(value, unit) {
    return make("p", { class: "big" }, make("span", { class: "value" }, value), unit && make("span", { class: "unit" }, ` ${unit}`));
}

function note(text) {
    return make("p", { class: "note" }, text);
}

/* Both pictures' numbers, or that of the view. */
function pair(all, iot, format) {
    const value = (kind, amount) => make("div", { class: `half half-${kind}` },
        make("span", { class: "half-name" }, word(kind === "all" ? "allPackets" : "iot")),
        make("span", { class: "value", "data-value": amount }, format(amount)));
    return make("div", { class: "pair" }, state.view === "all" && value("all", all), value("iot", iot));
}

/* A bar of parts that add up to a whole. */
function stacked(parts) {
    const whole = parts.reduce((sum, part) => sum + part.value, 0);
    const bar = make("div", { class: "stack", "aria-hidden": "true" }, parts.filter((part) => part.value).map((part) =>
        make("span", { class: `c-${part.kind}`, style: { "flex-grow": part.value / (whole || 1) } })));
    const list = make("dl", { class: "legend" }, parts.map((part) => make("div", null,
        make("dt", null, make("i", { class: `c-${part.kind}` }), word(part.kind)),
        make("dd", { "data-value": part.value }, `${short(part.value)} · ${percent(part.value, whole)}`))));
    return [bar, list];
}

function sparkline(values, kind) {
    const width = 240, height = 44;
    const most = Math.max(1, ...values.filter((v) => v !== null));
    const x = (i) => (i / Math.max(1, values.length - 1)) * width;
    const y = (v) => height - 3 - (v / most) * (height - 6);
    return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: `spark spark-${kind}`, preserveAspectRatio: "none", "aria-hidden": "true" },
        svg("path", { d: pathOf(values, x, y), fill: "none", "stroke-linecap": "round", "vector-effect": "non-scaling-stroke" }));
}

function nowCard({ summary, hour }) {
    const { latest } = summary;
    const rate = (value) => value / 60; // a minute's; `seconds` are those of all sensors together
    const text = (value) => (latest.seconds ? short(value) : "–"); // of an archive minutes are kept for a week
    return card("now", word("now"), pair(rate(latest.packets || 0), rate(latest.iot_matched || 0), text),
        state.view === "all" && hour && sparkline(hour.fields.packets || [], "all"),
        hour && sparkline(hour.fields.iot_matched || [], "iot"),
        note(word("nowNote", stamp(latest.t))));
}

function totalCard({ summary }) {
    const { window } = summary;
    const days = Math.max(1, summary.to - summary.from) / 86400;
    const value = state.view === "all" ? window.packets : window.iot_matched;
    return card("total", word("total"), pair(window.packets || 0, window.iot_matched || 0, short),
        note(word("totalNote", short((value || 0) / days))));
}

function shareCard({ summary }) {
    const { iot_matched: iot = 0, scan = 0 } = summary.window;
    return card("share", word("share"), big(percent(iot, scan)),
        make("div", { class: "stack", "aria-hidden": "true" },
            make("span", { class: "c-iot", style: { "flex-grow": scan ? iot / scan : 0 } }),
            make("span", { class: "c-rest", style: { "flex-grow": scan ? 1 - iot / scan : 1 } })),
        note(word("shareNote", short(scan))));
}

function sourcesCard({ summary }) {
    const { sources } = summary;
    const all = state.view === "all";
    return card("sources", word("sources"), big(`${short(all ? sources.scan : sources.iot)}`),
        note(all ? word("sourcesNote", short(sources.iot), sources.days) : word("sourcesNoteIot", sources.days)));
}

function classesCard({ summary }) {
    return card("classes", word("classes"), stacked(["scan", "backscatter", "class_other"].map((kind) =>
        ({ kind, value: summary.window[kind] || 0 }))));
}

function toolsCard({ tools }) {
    const rows = tools.rows.slice(0, 6);
    const most = rows.length ? rows[0].packets : 1;
    return card("tools", word("tools"), rows.length
        ? make("ul", { class: "bars" }, rows.map((row) => make("li", null,
            make("span", { class: "bar-name" }, row.key),
            make("span", { class: "bar", "aria-hidden": "true" }, make("span", { style: { width: `${(100 * row.packets) / most}%` } })),
            make("span", { class: "bar-value", "data-value": row.packets }, short(row.packets)))))
        : note(word("noTools")));
}

function lossesCard({ summary }) {
    return card("losses", word("losses"), make("dl", { class: "plain" }, ["dropped", "late", "not_counted"].map((kind) =>
        make("div", { class: kind === "dropped" && summary.window[kind] ? "bad" : null },
            make("dt", null, word(kind)), make("dd", { "data-value": summary.window[kind] || 0 }, number(summary.window[kind] || 0))))));
}

/* live, silent, ended, or an archive; and in words. */
export function freshnessOf(sensor, now) {
    const age = now - sensor.flushed;
    if (sensor.state === "live")
        return age > SILENT_AFTER_S ? ["silent", word("silent", span(age))] : ["live", word("live", span(age))];
    if (sensor.state === "ended") return ["ended", word("ended", span(age))];
    return ["archive", word("replay", stamp(sensor.last))];
}

function freshCard({ sensors, now }) {
    return card("fresh", word("freshness"), make("ul", { class: "fresh" }, sensors.slice(0, 12).map((sensor) => {
        const [kind, text] = freshnessOf(sensor, now);
        return make("li", { class: `fresh-${kind}` }, make("i", { class: "dot", "aria-hidden": "true" }),
            make("b", null, sensor.name), make("span", null, text));
    })));
}

function daysTable({ summary }) {
    const all = state.view === "all";
    const amount = (value) => make("td", { class: "n" }, value === null || value === undefined ? "–" : number(value));
    return make("details", { class: "days" }, make("summary", null, word("days")),
        make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": word("days") }, make("table", null,
            make("thead", null, make("tr", null, make("th", { scope: "col" }, word("day")),
                (all ? ["packets", "scans", "iotPackets", "sources", "iotSources"] : ["iotPackets", "iotSources"]).map((key) =>
                    make("th", { scope: "col", class: "n" }, word(key))))),
            make("tbody", null, [...summary.days].reverse().map((day) => make("tr", null,
                make("th", { scope: "row" }, dayText(day.day)),
                all && [amount(day.packets), amount(day.scan)], amount(day.iot_matched),
                all && amount(day.sources), amount(day.iot_sources)))))));
}

/* The days, as the table has them; and the numbers of the window, by the names of the API. */
function saveNumbers({ summary }) {
    const fields = state.view === "all" ? ["packets", "scan", "iot_matched", "sources", "iot_sources"] : ["iot_matched", "iot_sources"];
    const window = { ...summary.window, sources: summary.sources.scan, iot_sources: summary.sources.iot };
    const row = (name, values) => [name, ...fields.map((field) => values[field])];
    saveCsv(`overview-${state.view}`, ["day", ...fields],
        [...summary.days.map((day) => row(dayText(day.day), day)), row(`${stamp(summary.from)} - ${stamp(summary.to)}`, window)]);
}

/* data: { summary, tools, hour, sensors, now } */
export function drawOverview(element, data) {
    const open = element.querySelector("details.days")?.open;
    refill(element, make("div", { class: "cards" }, nowCard(data), totalCard(data), shareCard(data), sourcesCard(data),
        state.view === "all" && classesCard(data), toolsCard(data), lossesCard(data), freshCard(data)),
    make("div", { class: "tools" }, make("button", { type: "button", class: "tool", id: "overview-csv", "aria-label": word("csvOf", word("overview")), onclick: () => saveNumbers(data) }, "↓ CSV")),
    daysTable(data));
    element.querySelector("details.days").open = Boolean(open);
}
