// The numbers of one replay, out of its report: the same answers as the server's, of the whole
// capture, whatever the window is.

const SUMMED = (a, b) => a + b;

export class StaticSource {
    constructor(data, world) {
        this.isStatic = true;
        this.data = data;
        this.report = data.report;
        this.worldData = world;
    }

    now() {
        return Date.parse(this.report.last || 0) / 1000;
    }

    world() {
        return Promise.resolve(this.worldData);
    }

    watch(sensor, packet) {
        for (const each of this.data.feed) packet(each);
        return () => {};
    }

    async get(path, parameters) {
        const { view = "all" } = parameters || {};
        if (path === "sensors") return this.sensors();
        if (path === "summary") return this.summary(view);
        if (path === "series") return this.series(parameters);
        if (path.startsWith("source/")) return this.source(decodeURIComponent(path.slice(7)));
        return this.top(path.slice(4), view, parameters);
    }

    sensors() {
        const { report } = this;
        return {
            sensors: [{
                name: "replay", state: "replay", flushed: 0, last: Date.parse(report.last) / 1000 || 0,
                first: Date.parse(report.first) / 1000 || 0, located: report.countries.some((c) => c.cc !== "??"),
                feed: this.data.feed.length, iot_devices: report.iot.sources, resends: 0, drops: 0,
            }],
        };
    }

    minutes() {
        return this.report.series.map((row) => ({ ...row, at: Date.parse(row.t) / 1000 }));
    }

    static add(rows) {
        const sum = {};
        for (const row of rows)
            for (const [key, value] of Object.entries(row))
                if (typeof value === "number" && key !== "at") sum[key] = SUMMED(sum[key] || 0, value);
        return sum;
    }

    summary() {
        const rows = this.minutes();
        const { report } = this;
        const last = rows[rows.length - 1];
        const byDay = new Map();
        for (const row of rows) {
            const day = row.t.slice(0, 10).replace(/-/g, "");
            byDay.set(day, [...(byDay.get(day) || []), row]);
        }
        const first = rows.length ? rows[0].at : 0;
        const end = last ? last.at + 60 : 0;
        return {
            from: first, to: end, newest: end, window: StaticSource.add(rows),
            sources: {
                scan: report.class_sources.scan, iot: report.iot.matched_sources,
                days: Math.floor((end - 1) / 86400) - Math.floor(first / 86400) + 1,
            },
            latest: last ? { ...last, t: last.at } : { t: 0, seconds: 0 },
            days: [...byDay].map(([day, of]) => ({ day, ...StaticSource.add(of), sources: null, iot_sources: null })),
        };
    }

    series({ window = "", step }) {
        const rows = this.minutes();
        let from = rows.length ? rows[0].at : 0;
        let to = rows.length ? rows[rows.length - 1].at + 60 : 0;
        const given = /^(\d+)-(\d+)$/.exec(window);
        if (given) [from, to] = [Number(given[1]), Number(given[2])];
        const steps = [60, 300, 900, 3600, 14400, 43200, 86400, 604800];
        const length = step || steps.find((each) => (to - from) / each <= 1500) || 604800;
        const start = Math.floor(from / length) * length;
        const points = Math.max(0, Math.ceil((to - start) / length));
        const highest = ["sources", "dports", "iot_matched_sources"];
        const fields = {};
        for (const name of Object.keys(this.report.series[0] || {}))
            if (name !== "t") fields[name] = new Array(points).fill(null);
        for (const row of rows) {
            const at = Math.floor((row.at - start) / length);
            if (at < 0 || at >= points) continue;
            for (const name of Object.keys(fields)) {
                const before = fields[name][at] || 0;
                fields[name][at] = highest.includes(name) ? Math.max(before, row[name]) : before + row[name];
            }
        }
        return { from, to, start, step: length, points, highest, fields };
    }

    /* Tables of the report that a ranking is. */
    table(dimension, view) {
        const part = view === "iot" ? this.report.iot : this.report;
        if (dimension === "tcp" || dimension === "udp")
            return part.ports.filter((row) => row.proto === dimension).map((row) => ({ ...row, key: String(row.port) }));
        if (dimension === "cc") return part.countries.map((row) => ({ ...row, key: row.cc }));
        if (dimension === "asn") return part.asns.map((row) => ({ ...row, key: String(row.asn) }));
        if (dimension === "src") return part.top_sources.map((row) => ({ ...row, key: row.ip, labels: row.labels.join(",") }));
        if (dimension === "labelled")
            return this.data.sources.filter((row) => row.iot).sort((a, b) => b.last - a.last)
                .map((row) => ({ ...row, key: row.ip, labels: row.labels.join(","), ports: row.ports.join(",") }));
        const labels = Object.entries(this.report.labels).map(([key, row]) => ({ ...row, key }));
        const known = new Set(this.data.iot_labels);
        return labels.filter((row) => row.packets && (view === "all" || known.has(row.key)));
    }

    top(path, view, { limit = 20, by = "packets" } = {}) {
        const dimension = path.replace(":sources", "");
        const names = new Map(this.report.iot_ports.map((row) => [`${row.proto}:${row.port}`, row]));
        const rows = this.table(dimension, view).map((row) => ({
            ...row, ...(names.has(`${row.proto}:${row.port}`) && {
                device: names.get(`${row.proto}:${row.port}`).device,
                weakness: names.get(`${row.proto}:${row.port}`).weakness,
            }),
            service: this.data.services[`${row.proto}:${row.port}`] || "",
        }));
        if (dimension !== "labelled") rows.sort((a, b) => (b[by] || 0) - (a[by] || 0));
        const whole = view === "iot" ? this.report.iot.matched : this.report.classes.scan;
        const total = dimension === "label" ? rows.map((row) => row.packets).reduce(SUMMED, 0) : whole;
        return { rows: rows.slice(0, limit), members: rows.length, total, whole: true };
    }

    source(ip) {
        const found = this.data.sources.find((row) => row.ip === ip);
        if (!found) throw Object.assign(new Error("not labelled"), { status: 404 });
        return { ip, seen_by: [{ sensor: "replay", ...found }] };
    }
}
