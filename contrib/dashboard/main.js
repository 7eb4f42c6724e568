// The page: its frame, what it asks for and when, and what is drawn again when the state changes.
import { make, refill, retext } from "./dom.js";
import { setLanguage, span, word } from "./words.js";
import { onState, setState, startState, state } from "./state.js";
import { LiveSource } from "./live.js";
import { StaticSource } from "./static.js";
import { drawOverview, freshnessOf } from "./overview.js";
import { Atlas } from "./atlas.js";
import { Charts } from "./charts.js";
import { Tables, rankingWindow, tableRequest } from "./tables.js";
import { SourcePage } from "./source.js";

const EVERY_MS = 5000;
const FRAME_MS = 45;
const WINDOWS = ["1h", "24h", "7d", "30d", "90d", "365d"];

const parts = {};
const data = { sensors: [], tools: { rows: [] } };
let source, atlas, charts, tables, sourcePage, endFeed, generation = 0, redraws = 0, feedKey = null;

function startSource() {
    const embedded = document.getElementById("data");
    source = embedded
        ? new StaticSource(JSON.parse(embedded.textContent), JSON.parse(document.getElementById("world").textContent))
        : new LiveSource();
}

function applyTheme() {
    const dark = state.theme ? state.theme === "dark" : !matchMedia("(prefers-color-scheme: light)").matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    if (atlas) atlas.readColours();
}

/* A group of buttons of which one is pressed. */
function choice(id, label, options, key) {
    return make("div", { class: "choice", role: "group", "aria-label": label, id }, options.map(([value, text]) =>
        make("button", { type: "button", "data-value": value, "aria-pressed": String(state[key] === value), onclick: () => setState({ [key]: value }) }, text)));
}

function chosenNames() {
    return new Set(state.sensor ? state.sensor.split(",") : []);
}

function sensorTitle() {
    const chosen = chosenNames();
    if (chosen.size === 0) return data.sensors.length === 1 ? data.sensors[0].name : word("allSensors");
    return chosen.size === 1 ? [...chosen][0] : word("nSensors", chosen.size);
}

function toggleSensor(name) {
    const next = chosenNames();
    if (next.has(name)) next.delete(name);
    else next.add(name);
    setState({ sensor: next.size === data.sensors.length ? "" : [...next].sort().join(",") });
}

function sensorMenu() {
    const chosen = chosenNames(), title = sensorTitle();
    return make("details", { class: "menu", id: "sensor-menu" }, make("summary", { "aria-label": `${word("sensors")}: ${title}` }, title),
        make("div", { class: "menu-body" }, data.sensors.length > 1 && make("label", null, make("input", { type: "radio", name: "all", checked: chosen.size === 0, onchange: () => setState({ sensor: "" }) }), word("allSensors")),
            data.sensors.map((sensor) => make("label", null, make("input", { type: "checkbox", value: sensor.name, checked: chosen.has(sensor.name), onchange: () => toggleSensor(sensor.name) }), sensor.name,
                make("small", { class: `fresh-${freshnessOf(sensor, source.now())[0]}` }, freshnessOf(sensor, source.now())[1])))));
}

function drawFrame() {
    const { lang } = document.documentElement;
    const windows = WINDOWS.map((each) => [each, each === "365d" ? (lang === "ja" ? "1 年" : "1 y") : each]);
    const section = (id) => make("section", { id, "aria-labelledby": `${id}-title` }, make("h2", { id: `${id}-title` }, word(id)), parts[id] = make("div", { class: "section-body" }));
    document.title = `nightscope – ${word("title")}`;
    refill(document.body,
        make("a", { class: "skip", href: "#overview" }, word("skip")),
        make("header", { class: "top" },
            make("div", { class: "brand" }, make("span", { class: "mark", "aria-hidden": "true" }), make("h1", null, "nightscope"), make("p", null, word("title"))),
            make("nav", { "aria-label": word("title") }, ["overview", "atlas", "series", "tables"].map((id) => make("a", { href: `#${id}` }, word(id)))),
            make("div", { class: "controls" },
                source.isStatic ? make("span", { class: "static" }, word("capture", `${source.report.first ? source.report.first.slice(0, 16).replace("T", " ") : ""} UTC`)) : parts.sensors = make("div", null),
                !source.isStatic && choice("windows", word("time"), windows, "window"),
                choice("views", word("view"), [["all", word("viewAll")], ["iot", word("viewIot")]], "view"),
                make("button", { type: "button", class: "tool", id: "language", lang: lang === "ja" ? "en" : "ja", onclick: () => setState({ lang: lang === "ja" ? "en" : "ja" }) }, word("language")),
                make("button", { type: "button", class: "tool", id: "theme", "aria-label": word("theme"), title: word("theme"), onclick: () => setState({ theme: document.documentElement.dataset.theme === "dark" ? "light" : "dark" }) }, "◐"))),
        parts.alarm = make("p", { class: "alarm", role: "status", id: "alarm" }),
        make("main", null, section("overview"), section("atlas"), section("series"), section("tables")),
        make("footer", null, make("p", null, word("about")), !source.isStatic && make("p", null, make("a", { href: "api/v1/summary" }, word("api")))),
        sourcePage && sourcePage.dialog);
    atlas.build(parts.atlas);
    charts.build(parts.series);
    tables.build(parts.tables);
    drawSensors();
    drawNumbers();
}

function drawNumbers() {
    if (data.summary) drawOverview(parts.overview, { ...data, sensors: chosenSensors(), now: source.now() });
}

function chosenSensors() {
    const chosen = state.sensor ? state.sensor.split(",") : [];
    return chosen.length ? data.sensors.filter((sensor) => chosen.includes(sensor.name)) : data.sensors;
}

function drawSensors() {
    if (!parts.sensors) return;
    const menu = parts.sensors.querySelector("details");
    if (!menu?.open) {
        refill(parts.sensors, sensorMenu());
        return;
    }
    // What is under somebody's hand stays, and says what is chosen.
    const chosen = chosenNames(), summary = menu.querySelector("summary");
    retext(summary, sensorTitle());
    summary.setAttribute("aria-label", `${word("sensors")}: ${sensorTitle()}`);
    for (const box of menu.querySelectorAll("input"))
        box.checked = box.type === "radio" ? chosen.size === 0 : chosen.has(box.value);
}

/* What is wrong, if anything, where it cannot be missed. */
function tellAlarm(answers, failed) {
    const stale = answers.filter((answer) => answer && answer.stale);
    const silent = chosenSensors().filter((sensor) => freshnessOf(sensor, source.now())[0] === "silent");
    const texts = [];
    if (failed) texts.push(failed.status ? failed.message : word("away"));
    else if (stale.length) texts.push(word("stale", span(Math.max(...stale.map((answer) => answer.stale_s)))));
    if (!state.sensor && answers.some((answer) => answer && answer.more)) texts.push(word("moreSensors", data.sensors.length));
    if (answers.some((answer) => answer && answer.damaged)) texts.push(word("damaged"));
    for (const sensor of silent) texts.push(`${sensor.name}: ${word("silent", span(source.now() - sensor.flushed))}`);
    retext(parts.alarm, texts.join(" · "));
    parts.alarm.hidden = texts.length === 0;
    document.documentElement.classList.toggle("is-stale", Boolean(failed || stale.length));
}

function followFeed() {
    const sensors = chosenSensors();
    const loop = !sensors.some((sensor) => sensor.state === "live");
    const noPlaces = sensors.length > 0 && !sensors.some((sensor) => sensor.located);
    const key = `${state.sensor} ${loop} ${noPlaces}`;
    if (key === feedKey) return;
    feedKey = key;
    if (endFeed) endFeed();
    atlas.restart(loop, noPlaces);
    endFeed = source.watch(state.sensor, (packet) => atlas.player.add(packet), () => {});
}

async function refreshOverview(mine) {
    const base = { sensor: state.sensor, window: state.window };
    const [path, parameters] = tableRequest();
    const wish = (promise) => promise.then((answer) => answer, (error) => ({ error }));
    const window = rankingWindow();
    const [sensors, summary, hour, tools, all, iot] = await Promise.all([
        wish(source.get("sensors")), wish(source.get("summary", base)), wish(source.get("series", { sensor: state.sensor, window: "1h" })),
        wish(source.get("top/label", { sensor: state.sensor, view: state.view, window, limit: 6 })),
        wish(source.get("top/cc", { sensor: state.sensor, window, limit: 1000 })), wish(source.get("top/cc", { sensor: state.sensor, view: "iot", window, limit: 1000 })),
    ]);
    if (mine !== generation) return null;
    if (!sensors.error) data.sensors = sensors.sensors;
    if (!summary.error) Object.assign(data, { summary, hour: hour.error ? null : hour, tools: tools.error ? { rows: [] } : tools });
    drawSensors();
    drawNumbers();
    if (!all.error && !iot.error) atlas.setCountries(all.rows, iot.rows, { all: all.total, iot: iot.total });
    if (!sensors.error) followFeed();
    return { path, parameters, answers: [sensors, summary, all], failed: sensors.error || summary.error };
}

async function refreshTable() {
    const mine = generation;
    const [path, parameters] = tableRequest();
    try {
        const answer = await source.get(path, parameters);
        if (mine === generation) tables.draw(answer);
    } catch (error) {
        if (mine === generation && !(tables.answer && !error.status)) tables.fail(error);
    }
}

async function refreshSeries() {
    const mine = generation;
    try {
        const answer = await source.get("series", { sensor: state.sensor, window: state.window });
        if (mine === generation) charts.draw(answer);
    } catch {
        /* the alarm says so */
    }
}

async function refresh() {
    const mine = generation;
    const [overview] = await Promise.all([refreshOverview(mine), refreshTable(), refreshSeries()]);
    if (overview && mine === generation) tellAlarm(overview.answers, overview.failed);
    document.documentElement.dataset.ready = String(Number(document.documentElement.dataset.ready || 0) + 1);
}

/* After the screen has shown what there is by now. */
const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));

/* Everything again, a part at a time, so that the page answers in between. */
async function redrawAll(frameToo, mine) {
    const steps = frameToo ? [drawFrame] : [drawNumbers, () => atlas.build(parts.atlas), () => charts.build(parts.series), () => tables.build(parts.tables)];
    for (const step of steps) {
        await painted();
        if (mine !== redraws) return;
        step();
    }
    refresh();
}

function changed(keys) {
    generation++;
    const whole = ["lang", "view"].some((key) => keys.has(key));
    if (keys.has("lang")) setLanguage(state.lang || navigator.language.slice(0, 2));
    if (keys.has("theme")) {
        applyTheme();
        painted().then(() => charts.answer && charts.draw(charts.answer));
    }
    for (const group of document.querySelectorAll(".choice")) {
        const key = group.id === "windows" ? "window" : "view";
        for (const button of group.children) button.setAttribute("aria-pressed", String(button.dataset.value === state[key]));
    }
    if (whole) {
        redrawAll(keys.has("lang"), ++redraws);
    } else {
        if (keys.has("sensor")) drawSensors();
        if (keys.has("table") || keys.has("cc")) tables.build(parts.tables);
        else if (keys.has("pick")) tables.drawFilters();
        if (keys.has("chart") && charts.answer) charts.draw(charts.answer);
        if (keys.has("pick") && tables.answer && !keys.has("table")) tables.draw(tables.answer);
    }
    if (keys.has("pick") || keys.has("cc")) atlas.refilter();
    if (keys.has("source")) sourcePage.show();
    const quiet = new Set(["source", "pick", "chart", "theme"]);
    if (whole || [...keys].every((key) => quiet.has(key))) return;
    const onlyTable = [...keys].every((key) => ["table", "rows", "by", "cc", "pick"].includes(key));
    if (onlyTable) refreshTable();
    else refresh();
}

/* Some twenty pictures a second are enough for spots that fade. */
let drawnMs = 0;
function frame(now) {
    if (now - drawnMs >= FRAME_MS) {
        drawnMs = now;
        atlas.tick(now / 1000);
    }
    requestAnimationFrame(frame);
}

async function start() {
    startState();
    startSource();
    if (source.isStatic && state.cc) setState({ cc: "" }); // ports by country are in Redis alone
    setLanguage(state.lang || navigator.language.slice(0, 2));
    applyTheme();
    const world = await source.world();
    atlas = new Atlas(world);
    charts = new Charts();
    tables = new Tables();
    sourcePage = new SourcePage(source);
    atlas.readColours();
    drawFrame();
    onState(changed);
    document.addEventListener("click", (event) => {
        const menu = document.getElementById("sensor-menu");
        if (menu && menu.open && !menu.contains(event.target)) menu.open = false;
    });
    await refresh();
    if (state.source) sourcePage.show();
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
    requestAnimationFrame(frame);
    if (!source.isStatic) setInterval(() => document.hidden || refresh(), EVERY_MS);
}

start();
