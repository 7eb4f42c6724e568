// Time series, from minutes to months: drag to zoom, or use the buttons; both pictures on one axis.
import { make, refill, retext, svg } from "./dom.js";
import { lonely, pathOf } from "./gaps.js";
import { short, span, stamp, word } from "./words.js";
import { setState, state } from "./state.js";
import { saveCsv, saveSvg } from "./download.js";

/* What can be shown: fields of the series, by their colour. */
const CHARTS = {
    scans: [["scan", "all"]],
    classes: [["scan", "all"], ["backscatter", "backscatter"], ["class_other", "other"]],
    protocols: [["tcp", "tcp"], ["udp", "udp"], ["icmp", "icmp"], ["other", "other"]],
    tools: [["mirai", "iot"], ["zmap", "tcp"], ["masscan", "udp"], ["nmap", "icmp"]],
    sources: [["sources", "all"], ["dports", "udp"]],
    losses: [["dropped", "backscatter"], ["late", "udp"], ["not_counted", "other"]],
};
const IOT = { sources: [["iot_matched_sources", "iot"]], default: [["iot_matched", "iot"]] };
const SHORTEST_S = 600;

/* 09:30, or the day where it begins; the year where that does. */
function timeTexts(ticks) {
    const days = ticks.length > 1 && ticks[1] - ticks[0] >= 86400;
    return ticks.map((tick, i) => {
        const text = stamp(tick);
        const newDay = i === 0 || text.slice(0, 10) !== stamp(ticks[i - 1]).slice(0, 10);
        if (days) return i === 0 || text.slice(0, 4) !== stamp(ticks[i - 1]).slice(0, 4) ? text.slice(0, 10) : text.slice(5, 10);
        return newDay ? `${text.slice(11)}\n${text.slice(5, 10)}` : text.slice(11);
    });
}

export class Charts {
    constructor() {
        this.plots = [];
    }

    build(element) {
        const button = (text, name, action) => make("button", { type: "button", class: "tool", "aria-label": word(name), title: word(name), onclick: action }, text);
        this.select = make("select", { id: "chart", onchange: () => setState({ chart: this.select.value }) },
            Object.keys(CHARTS).map((key) => make("option", { value: key, selected: key === state.chart }, word(`c_${key}`))));
        this.range = make("p", { class: "note", id: "series-range" });
        this.panels = make("div", { class: "plots" });
        this.remarks = make("p", { class: "note" });
        refill(element,
            make("div", { class: "tools" }, make("label", { for: "chart" }, word("chart"), " "), this.select,
                button("◀", "earlier", () => this.move(-0.5)), button("▶", "later", () => this.move(0.5)),
                button("+", "zoomIn", () => this.zoom(0.5)), button("−", "zoomOut", () => this.zoom(2)),
                button("⟲", "reset", () => setState({ window: "24h" })),
                make("button", { type: "button", class: "tool", id: "series-csv", "aria-label": word("csvOf", word("series")), onclick: () => this.saveTable() }, "↓ CSV"),
                make("button", { type: "button", class: "tool", id: "series-svg", "aria-label": word("pictureOf", word("series")), onclick: () => this.savePicture() }, "↓ SVG")),
            this.range, this.panels, this.remarks);
        this.plots = [];
        if (this.answer) this.draw(this.answer);
    }

    zoom(factor) {
        if (!this.answer) return;
        const { from, to } = this.answer;
        const middle = (from + to) / 2;
        const half = Math.max(SHORTEST_S, (to - from) * factor) / 2;
        this.look(middle - half, middle + half);
    }

    move(share) {
        if (!this.answer) return;
        const { from, to } = this.answer;
        this.look(from + (to - from) * share, to + (to - from) * share);
    }

    look(from, to) {
        from = Math.max(0, Math.round(from));
        to = Math.min(Math.round(to), from + 730 * 86400);
        setState({ window: `${from}-${to}` });
    }

    kinds() {
        return state.view === "all" ? ["all", "iot"] : ["iot"];
    }

    fields(kind) {
        return kind === "all" ? CHARTS[state.chart] : IOT[state.chart] || IOT.default;
    }

    /* How long a point was captured. Of several sensors the sum says nothing of each; minutes without a packet are in
       no replay's series, so that only hours tell; and what is less than a minute is no rate. */
    capturedS(i) {
        const { answer } = this;
        const lengthS = Math.max(1, Math.min(answer.step, answer.to - answer.start - i * answer.step));
        const seconds = answer.sensors?.length === 1 && answer.step >= 3600 ? answer.fields.seconds?.[i] : null;
        return seconds ? Math.min(lengthS, Math.max(60, seconds)) : lengthS;
    }

    /* Rates of counts that add up; distinct counts as they are. */
    columns(kind) {
        const { answer } = this;
        const times = Array.from({ length: answer.points }, (_, i) => answer.start + i * answer.step);
        return [times, ...this.fields(kind).map(([name]) => {
            const column = answer.fields[name] || [];
            const rate = !answer.highest.includes(name);
            return times.map((_, i) => {
                const value = column[i] ?? null;
                if (value === null || !rate) return value;
                return value / this.capturedS(i);
            });
        })];
    }

    draw(answer) {
        this.answer = answer;
        retext(this.range, `${stamp(answer.from)} – ${stamp(answer.to)} UTC`);
        const distinct = this.kinds().some((kind) => this.fields(kind).some(([name]) => answer.highest.includes(name)));
        retext(this.remarks, word("chartNote", span(answer.step)) + (distinct ? ` ${word("highestNote")}` : ""));
        const shape = `${this.kinds()} ${state.chart} ${document.documentElement.lang} ${document.documentElement.dataset.theme}`;
        if (this.plots.length && this.shape === shape) {
            for (const { kind, plot } of this.plots) plot.setData(this.columns(kind));
            return;
        }
        this.shape = shape;
        for (const { plot } of this.plots) plot.destroy();
        refill(this.panels);
        this.plots = this.kinds().map((kind) => this.panel(kind));
    }

    panel(kind) {
        const style = getComputedStyle(document.documentElement);
        const take = (name) => style.getPropertyValue(name).trim();
        const holder = make("figure", { class: "plot" }, make("figcaption", null, make("h3", null, word(kind)),
            make("ul", { class: "types" }, this.fields(kind).map(([name, colour]) => make("li", null, make("i", { class: `c-${colour}` }), this.nameOf(name))))));
        const box = make("div", { class: "plot-box", role: "img", "aria-label": `${word(kind)}, ${word("perSecond")}` });
        holder.append(box);
        this.panels.append(holder);
        const axis = { stroke: take("--muted"), grid: { stroke: take("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
        const plot = new uPlot({
            width: Math.max(280, box.clientWidth), height: 210, tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), "Etc/UTC"),
            legend: { show: false },
            cursor: { sync: { key: "series" }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
            scales: { x: { time: true }, y: { range: (u, min, max) => [0, max > 0 ? max * 1.08 : 1] } },
            axes: [{ ...axis, space: 90, values: (u, ticks) => timeTexts(ticks) }, { ...axis, size: 64, values: (u, ticks) => ticks.map((v) => short(v)) }],
            series: [{}, ...this.fields(kind).map(([name, colour], i) => ({
                label: this.nameOf(name), stroke: take(`--t-${colour}`), width: 1.6, spanGaps: false,
                points: { show: false, filter: (u, j) => lonely(u.data[j]), size: 5, width: 0, fill: take(`--t-${colour}`) },
                fill: i === 0 ? `${take(`--t-${colour}`)}2e` : undefined,
            }))],
            hooks: {
                setSelect: [(u) => {
                    if (u.select.width < 4) return;
                    const from = u.posToVal(u.select.left, "x"), to = u.posToVal(u.select.left + u.select.width, "x");
                    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
                    const middle = (from + to) / 2, half = Math.max(SHORTEST_S, to - from) / 2;
                    this.look(middle - half, middle + half);
                }],
                setCursor: [(u) => this.tip(u, kind)],
            },
        }, this.columns(kind), box);
        const tip = make("p", { class: "tip", hidden: true });
        box.append(tip);
        new ResizeObserver(() => {
            if (box.clientWidth && box.clientWidth !== plot.width) plot.setSize({ width: box.clientWidth, height: 210 });
        }).observe(box);
        return { kind, plot, tip };
    }

    tip(u, kind) {
        const found = this.plots.find((each) => each.kind === kind);
        if (!found) return;
        const i = u.cursor.idx;
        found.tip.hidden = i === null || i === undefined || u.cursor.left < 0;
        if (found.tip.hidden) return;
        const values = this.fields(kind).map(([name], j) => `${this.nameOf(name)} ${u.data[j + 1][i] === null ? "–" : short(u.data[j + 1][i])}`);
        retext(found.tip, `${stamp(u.data[0][i])}  ${values.join(" · ")}`);
        found.tip.classList.toggle("right", u.cursor.left > u.width / 2);
    }

    nameOf(name) {
        const names = { iot_matched: word("iot"), iot_matched_sources: word("iotSources"), sources: word("sources"), dports: word("portsOf"), icmp: "ICMP", tcp: "TCP", udp: "UDP" };
        return names[name] || word(name);
    }

    saveTable() {
        if (!this.answer) return;
        const { answer } = this;
        const names = Object.keys(answer.fields);
        saveCsv("series", ["time", "step_s", ...names], Array.from({ length: answer.points }, (_, i) => [
            new Date((answer.start + i * answer.step) * 1000).toISOString(), answer.step, ...names.map((name) => answer.fields[name][i] ?? "")]));
    }

    savePicture() {
        if (!this.answer) return;
        const style = getComputedStyle(document.documentElement);
        const take = (name) => style.getPropertyValue(name).trim();
        const width = 960, height = 240, left = 70;
        const text = (x, y, content, anchor) => svg("text", { x, y, "font-family": "sans-serif", "font-size": 13, fill: take("--text"), "text-anchor": anchor }, content);
        const one = (kind, index) => {
            const [times, ...columns] = this.columns(kind);
            const most = Math.max(1e-9, ...columns.flat().filter((v) => v !== null));
            const x = (t) => left + ((t - times[0]) / Math.max(1, times[times.length - 1] - times[0])) * (width - left - 20);
            const y = (v) => height - 30 - (v / most) * (height - 70);
            return svg("g", { transform: `translate(0 ${index * height})` }, text(left, 20, word(kind)),
                text(left - 8, y(0), "0", "end"), text(left - 8, y(most) + 4, short(most), "end"),
                svg("path", { d: `M${left} ${y(0)}H${width - 20}M${left} ${y(most)}H${width - 20}`, stroke: take("--line") }),
                text(left, height - 8, stamp(times[0])), text(width - 20, height - 8, `${stamp(times[times.length - 1])} UTC`, "end"),
                columns.map((column, j) => {
                    const [name, colour] = this.fields(kind)[j];
                    return [svg("path", { d: pathOf(column, (i) => x(times[i]), y), fill: "none", stroke: take(`--t-${colour}`), "stroke-width": 1.5, "stroke-linecap": "round" }),
                        svg("text", { x: left + 240 + j * 130, y: 20, "font-family": "sans-serif", "font-size": 13, fill: take(`--t-${colour}`) }, this.nameOf(name))];
                }));
        };
        const kinds = this.kinds();
        saveSvg("series", svg("svg", { viewBox: `0 0 ${width} ${height * kinds.length}`, width, height: height * kinds.length },
            svg("rect", { width, height: height * kinds.length, fill: take("--bg") }), kinds.map(one)));
    }
}
