// The two pictures: a world map for all scans and one for those of IoT devices, drawn alike. The
// countries are coloured by their packets in the window, and sampled packets appear at their sources.
import { make, refill, retext, svg } from "./dom.js";
import { countryName, number, short, stamp, word } from "./words.js";
import { setState, state } from "./state.js";
import { makeAtlas } from "./countries.js";
import { Player } from "./player.js";
import { saveSvg } from "./download.js";

const TYPES = ["tcp", "udp", "icmp", "backscatter", "other"];
const LIFE_S = 2.4;
const STEPS = 6;
const FACTOR = 3; // of packets, from one shade to the next
const KEPT_MAX = 600;
const PLACES_MAX = 20000;
const LIST_ROWS = 8;
const WIDTH = 800, HEIGHT = 400;

export function typeOf(packet) {
    if (packet.class === "backscatter") return "backscatter";
    if (packet.class !== "scan") return "other";
    if (packet.proto === "tcp" || packet.proto === "udp") return packet.proto;
    return packet.proto === "icmp" || packet.proto === "icmp6" ? "icmp" : "other";
}

/* The same address always at the same spot of its country. */
function scatter(text) {
    let hash = 2166136261;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
    return [((hash >>> 0) & 0xffff) / 65535 - 0.5, (hash >>> 16) / 65535 - 0.5];
}

export function matchesPick(packet) {
    if (state.cc && packet.cc !== state.cc) return false;
    if (!state.pick) return true;
    const at = state.pick.indexOf(":");
    const kind = state.pick.slice(0, at), value = state.pick.slice(at + 1);
    if (kind === "tcp" || kind === "udp") return packet.proto === kind && packet.dport === value;
    if (kind === "cc") return packet.cc === value;
    if (kind === "asn") return packet.asn === value;
    if (kind === "label") return packet.label === value;
    if (kind === "src") return packet.src === value;
    return true;
}

export class Atlas {
    constructor(world) {
        this.atlas = makeAtlas(world);
        this.projection = d3.geoNaturalEarth1().fitExtent([[6, 6], [WIDTH - 6, HEIGHT - 2]], { type: "Sphere" });
        this.path = d3.geoPath(this.projection).digits(1);
        const outline = (shape) => new Path2D(this.path(shape));
        this.sphere = outline({ type: "Sphere" });
        this.graticule = outline(d3.geoGraticule10());
        this.outlines = this.atlas.features.map((feature) => [feature, outline(feature)]);
        this.countryOf = new Map([...this.atlas.byCountry].map(([cc, feature]) => [feature, cc]));
        this.player = new Player();
        this.paused = false;
        this.shown = { all: [], iot: [] };
        this.list = [];
        this.unplaced = 0;
        this.counts = { all: new Map(), iot: new Map() };
        this.still = matchMedia("(prefers-reduced-motion: reduce)");
        this.maps = {};
        this.places = new Map();
    }

    build(element) {
        const map = (kind) => {
            const land = make("canvas", { class: "land", "aria-hidden": "true" });
            const canvas = make("canvas", { class: "spots", "aria-hidden": "true" });
            const caption = make("p", { class: "map-count", id: `count-${kind}` });
            canvas.addEventListener("pointermove", (event) => this.tellCountry(kind, canvas, event));
            this.maps[kind] = { canvas, land, caption };
            return make("figure", { class: `map map-${kind}` },
                make("figcaption", null, make("h3", null, word(kind)), caption),
                make("div", { class: "globe", role: "img", "aria-label": word(kind) }, land, canvas));
        };
        this.pauseButton = make("button", { type: "button", class: "tool", "aria-pressed": "false", onclick: () => this.pause() });
        this.status = make("p", { class: "note", id: "feed-status" });
        this.rows = make("tbody", null);
        refill(element,
            make("div", { class: "tools" }, this.pauseButton,
                make("button", { type: "button", class: "tool", id: "atlas-svg", "aria-label": word("pictureOf", word("atlas")), onclick: () => this.savePicture() }, "↓ SVG"),
                make("ul", { class: "types" }, TYPES.map((type) => make("li", null, make("i", { class: `c-${type}` }), word(type)))),
                this.scale = make("div", { class: "scale" })),
            make("div", { class: "maps" }, state.view === "all" && map("all"), map("iot")),
            this.status, make("p", { class: "note" }, word("mapNote")),
            make("details", { class: "ticker" }, make("summary", null, word("newest")),
                make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": word("newest") }, make("table", null,
                    make("thead", null, make("tr", null, ["time", "source", "country", "port", "labels"].map((key) => make("th", { scope: "col" }, word(key))))),
                    this.rows))));
        if (state.view !== "all") delete this.maps.all;
        this.drawPause();
        this.colour();
        this.tellStatus();
    }

    /* What a country sent, under the pointer. */
    tellCountry(kind, canvas, event) {
        const box = canvas.getBoundingClientRect();
        const place = this.projection.invert([((event.clientX - box.left) / box.width) * WIDTH, ((event.clientY - box.top) / box.height) * HEIGHT]);
        let text = "";
        for (const [cc, feature] of this.atlas.byCountry)
            if (d3.geoContains(feature, place)) text = `${countryName(cc)}: ${number(this.counts[kind].get(cc) || 0)}`;
        canvas.title = text;
    }

    /* A canvas as large as it is shown, in the units of the map; whether it was made anew. */
    sized(canvas) {
        const ratio = devicePixelRatio || 1;
        const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
        const anew = canvas.width !== width || canvas.height !== height;
        if (anew) [canvas.width, canvas.height] = [width, height];
        const context = canvas.getContext("2d");
        context.setTransform(width / WIDTH, 0, 0, height / HEIGHT, 0, 0);
        return [context, anew, width > 0];
    }

    /* Drawn when something changed, and a picture otherwise: spots move above it all the time. */
    drawLand(kind) {
        const { land } = this.maps[kind];
        const [context, anew, shown] = this.sized(land);
        const map = this.maps[kind];
        if (!shown || (!anew && map.look === this.look && map.counts === this.counts[kind])) return;
        Object.assign(map, { look: this.look, counts: this.counts[kind] });
        context.clearRect(0, 0, WIDTH, HEIGHT);
        context.fillStyle = this.shades.sea;
        context.fill(this.sphere);
        context.strokeStyle = this.shades.grid;
        context.lineWidth = 0.6;
        context.stroke(this.graticule);
        context.strokeStyle = this.shades.sea;
        context.lineWidth = 0.5;
        for (const [feature, outline] of this.outlines) {
            context.fillStyle = this.shades[this.stepOf(kind, feature)];
            context.fill(outline);
            context.stroke(outline);
        }
    }

    stepOf(kind, feature) {
        return this.step(this.counts[kind].get(this.countryOf.get(feature)) || 0);
    }

    /* On a scale of powers that both maps share. */
    setCountries(all, iot, total) {
        const text = JSON.stringify([all, iot]);
        if (text !== this.countsText)
            this.counts = {
                all: new Map(all.map((row) => [row.key, row.packets])),
                iot: new Map(iot.map((row) => [row.key, row.packets])),
            };
        this.countsText = text;
        this.totals = total;
        this.colour();
    }

    step(value) {
        if (!value) return 0;
        return Math.max(1, STEPS - Math.floor(Math.log(this.most / value) / Math.log(FACTOR)));
    }

    colour() {
        this.most = 1;
        for (const [cc, value] of this.counts.all) if (cc !== "??" && value > this.most) this.most = value;
        for (const [kind, { caption }] of Object.entries(this.maps)) {
            this.drawLand(kind);
            if (this.totals) retext(caption, `${short(this.totals[kind])} ${word("packets").toLowerCase()}`);
        }
        const bounds = Array.from({ length: STEPS }, (_, i) => (i ? Math.ceil(this.most / FACTOR ** (STEPS - i)) : 1));
        if (this.scale) refill(this.scale, bounds.map((bound, i) => make("span", { title: `≥ ${number(bound)}` }, make("i", { class: `s${i + 1}` }), i % 2 || bound === bounds[i - 2] ? null : `${short(bound)}+`)));
    }

    pause() {
        this.paused = !this.paused;
        this.drawPause();
        this.tellStatus();
    }

    drawPause() {
        retext(this.pauseButton, this.paused ? `▶ ${word("resume")}` : `❚❚ ${word("pause")}`);
        this.pauseButton.setAttribute("aria-pressed", String(this.paused));
    }

    tellStatus() {
        if (!this.status) return;
        const parts = [this.paused ? word("paused") : this.player.loop ? word("looped") : word("sampled")];
        if (this.noPlaces) parts.push(word("noPlaces"));
        else if (this.unplaced) parts.push(word("unplaced", number(this.unplaced)));
        retext(this.status, parts.join(" · "));
    }

    /* Another sensor, or another kind of one. */
    restart(loop, noPlaces) {
        this.player.reset(loop);
        this.noPlaces = noPlaces;
        this.unplaced = 0;
        this.list = [];
        this.shown = { all: [], iot: [] };
        this.tellStatus();
    }

    /* Another row or country was picked: what it leaves out goes at once. */
    refilter() {
        this.list = this.list.filter(matchesPick);
        this.shown = { all: [], iot: [] };
        this.drawList();
    }

    place(packet) {
        if (packet.lat !== null && packet.lon !== null && packet.lat !== undefined && packet.lat !== "")
            return this.projection([Number(packet.lon), Number(packet.lat)]);
        if (!this.places.has(packet.src)) {
            if (this.places.size > PLACES_MAX) this.places.clear();
            this.places.set(packet.src, this.scatter(packet.cc, packet.src));
        }
        return this.places.get(packet.src);
    }

    /* Somewhere in its country, always the same place for a source: no more is known. */
    scatter(cc, src) {
        const middle = this.atlas.middles.get(cc);
        if (!middle) return null;
        const feature = this.atlas.byCountry.get(cc);
        const reach = feature ? Math.min(50, 1.4 * Math.sqrt(d3.geoArea(feature)) * 57) : 0.5;
        for (let attempt = 0; feature && attempt < 6; attempt++) {
            const [dx, dy] = scatter(`${attempt}${src}`);
            const place = [middle[0] + dx * reach, Math.max(-85, Math.min(85, middle[1] + dy * reach * 0.7))];
            if (d3.geoContains(feature, place)) return this.projection(place);
        }
        return this.projection(middle);
    }

    /* Every frame of the screen. */
    tick(now) {
        for (const kind of Object.keys(this.maps)) this.drawLand(kind);
        if (this.paused || document.hidden) return;
        let added = false;
        for (const packet of this.player.due(now)) {
            if (!matchesPick(packet)) continue;
            added = true;
            this.list.unshift(packet);
            const place = this.place(packet);
            if (!place) {
                this.unplaced++;
                continue;
            }
            const spot = { x: place[0], y: place[1], type: typeOf(packet), born: now };
            this.shown.all.push(spot);
            if (packet.iot) this.shown.iot.push(spot);
        }
        this.list.length = Math.min(this.list.length, LIST_ROWS);
        for (const kind of ["all", "iot"]) this.shown[kind] = this.shown[kind].filter((spot) => now - spot.born < LIFE_S).slice(-KEPT_MAX);
        for (const [kind, { canvas }] of Object.entries(this.maps)) this.drawSpots(canvas, this.shown[kind], now);
        if (added && this.rows.closest("details").open) this.drawList();
        if (added && this.unplaced) this.tellStatus();
    }

    drawSpots(canvas, spots, now) {
        const [context, , shown] = this.sized(canvas);
        if (!shown || (!spots.length && canvas.dataset.empty)) return;
        canvas.dataset.empty = spots.length ? "" : "1";
        context.clearRect(0, 0, WIDTH, HEIGHT);
        for (const spot of spots) {
            const age = (now - spot.born) / LIFE_S;
            context.strokeStyle = context.fillStyle = this.colours[spot.type];
            if (!this.still.matches) {
                context.globalAlpha = 0.75 * (1 - age);
                context.lineWidth = 1.3;
                context.beginPath();
                context.arc(spot.x, spot.y, 2 + 13 * Math.sqrt(age), 0, 2 * Math.PI);
                context.stroke();
            }
            context.globalAlpha = 1 - age * age;
            context.beginPath();
            context.arc(spot.x, spot.y, 2.4, 0, 2 * Math.PI);
            context.fill();
        }
    }

    readColours() {
        const style = getComputedStyle(document.documentElement);
        const take = (name) => style.getPropertyValue(name).trim();
        this.colours = Object.fromEntries(TYPES.map((type) => [type, take(`--t-${type}`)]));
        this.shades = { sea: take("--sea"), grid: take("--grid"), 0: take("--land") };
        for (let i = 1; i <= STEPS; i++) this.shades[i] = take(`--s${i}`);
        this.look = Object.values(this.shades).join();
    }

    drawList() {
        refill(this.rows, this.list.map((packet) => make("tr", null,
            make("td", { class: "mono" }, stamp(packet.at, true).slice(11)),
            make("td", { class: "mono" }, make("button", { type: "button", class: "link", onclick: () => setState({ source: packet.src }) }, packet.src)),
            make("td", null, countryName(packet.cc)),
            make("td", null, make("i", { class: `c-${typeOf(packet)}` }), ` ${packet.dport ? `${packet.dport}/` : ""}${packet.proto}`),
            make("td", null, packet.label || "–"))));
    }

    /* A still picture of both maps as they are now, with what it shows written on it. */
    savePicture() {
        const style = getComputedStyle(document.documentElement);
        const take = (name) => style.getPropertyValue(name).trim();
        const kinds = Object.keys(this.maps);
        const width = WIDTH * kinds.length + 20 * (kinds.length + 1);
        const text = (x, y, size, content, fill = take("--text")) => svg("text", { x, y, "font-family": "sans-serif", "font-size": size, fill }, content);
        const one = (kind, index) => svg("g", { transform: `translate(${20 + index * (WIDTH + 20)} 70)` },
            text(0, -14, 20, `${word(kind)}: ${this.totals ? short(this.totals[kind]) : "–"}`),
            svg("path", { d: this.path({ type: "Sphere" }), fill: take("--sea") }),
            this.atlas.features.map((feature) => svg("path", {
                d: this.path(feature), stroke: take("--sea"), "stroke-width": 0.5, fill: this.shades[this.stepOf(kind, feature)] })),
            this.shown[kind].map((spot) => svg("circle", { cx: spot.x.toFixed(1), cy: spot.y.toFixed(1), r: 3, fill: this.colours[spot.type] })));
        const legend = svg("g", { transform: `translate(20 ${HEIGHT + 100})` }, TYPES.map((type, i) => [
            svg("circle", { cx: i * 150 + 6, cy: -5, r: 5, fill: this.colours[type] }), text(i * 150 + 18, 0, 14, word(type))]));
        saveSvg("atlas", svg("svg", { viewBox: `0 0 ${width} ${HEIGHT + 120}`, width, height: HEIGHT + 120 },
            svg("rect", { width, height: HEIGHT + 120, fill: take("--bg") }),
            text(20, 30, 14, `nightscope · ${state.sensor || word("allSensors")} · ${state.window} · ${stamp(Date.now() / 1000)} UTC`, take("--muted")),
            kinds.map(one), legend));
    }
}

