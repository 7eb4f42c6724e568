// The page in a browser, step by step, for page.py, which says what is there by now on standard
// input and hears of every check on standard output: browser.mjs URL DASHBOARD ARTEFACTS FILE.html
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { short } from "../../contrib/dashboard/words.js";

const [address, dashboard, artefacts, single] = process.argv.slice(2);
const require = createRequire(join(dashboard, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

mkdirSync(artefacts, { recursive: true });
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const ask = async (question) => {
    say({ ask: question });
    const { value } = await lines.next();
    return JSON.parse(value);
};
const check = (what, good, detail = "") => say({ check: what, good: Boolean(good), detail });

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: FLAGS });
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "dark", locale: "en-US" });
const foreign = [], complaints = [];
context.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (!["data:", "blob:", "file:"].includes(protocol) && origin !== new URL(address).origin) foreign.push(request.url());
});

async function open(query, quiet = true) {
    const page = await context.newPage();
    page.on("console", (message) => {
        if (["error", "warning"].includes(message.type()) && page.strict) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.strict = quiet;
    await page.goto(address + query);
    await ready(page);
    return page;
}

/* What the page asked for first has come, and was drawn. */
async function ready(page) {
    await page.waitForFunction(() => Number(document.documentElement.dataset.ready || 0) > 0, null, { timeout: 60000 });
}

const rowsOf = (page) => page.$$eval("#ranking tbody tr", (rows) => Object.fromEntries(rows.map((row) => [row.dataset.key, Number(row.querySelector("td[data-value]")?.dataset.value)])));
const values = (page, selector) => page.$$eval(`${selector} [data-value]`, (all) => all.map((each) => Number(each.dataset.value)));
const press = async (page, selector) => {
    await page.click(selector);
};

/* Until the table has these rows: what is on its way is drawn in a moment. */
async function expectRows(page, what, wanted) {
    const text = JSON.stringify(Object.entries(wanted).sort());
    const good = await page.waitForFunction((expected) => {
        const rows = [...document.querySelectorAll("#ranking tbody tr")].map((row) => [row.dataset.key, Number(row.querySelector("td[data-value]")?.dataset.value)]);
        return JSON.stringify(rows.sort((a, b) => (a[0] < b[0] ? -1 : 1))) === expected;
    }, text, { timeout: 20000 }).then(() => true, () => false);
    check(what, good, good ? "" : `${JSON.stringify(await rowsOf(page)).slice(0, 300)} instead of ${text.slice(0, 300)}`);
}

async function accessible(page, what) {
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    check(`accessible: ${what}`, found.violations.length === 0, found.violations.map((each) => `${each.id}: ${each.nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(" | ")}`).join("\n"));
}

const picture = (page, name, whole = true) => page.screenshot({ path: join(artefacts, `${name}.png`), fullPage: whole });

async function numbers() {
    const page = await open("?sensor=a");
    const wanted = await ask("numbers");
    check("packets of the window", (await values(page, "#card-total")).join() === `${wanted.packets},${wanted.iot_matched}`, `${await values(page, "#card-total")} ${JSON.stringify(wanted)}`);
    check("classes", (await values(page, "#card-classes")).join() === `${wanted.scan},${wanted.backscatter},${wanted.class_other}`, await values(page, "#card-classes"));
    check("losses", (await values(page, "#card-losses")).join() === `${wanted.dropped},${wanted.late},${wanted.not_counted}`, await values(page, "#card-losses"));
    check("two pictures", (await page.$$(".map .spots")).length === 2 && (await page.$$(".plot canvas")).length === 2);
    for (const table of ["tcp", "udp", "cc", "asn", "label", "src"]) {
        await press(page, `#tab-${table}`);
        await expectRows(page, `table ${table}`, await ask({ table, view: "all", sensors: ["a"] }));
    }
    await picture(page, "dark");
    await accessible(page, "dark");
    await press(page, '#views button[data-value="iot"]');
    await expectRows(page, "IoT sources", await ask({ table: "src", view: "iot", sensors: ["a"] }));
    check("one picture", await page.waitForFunction(() => document.querySelectorAll(".map .spots").length === 1).then(() => true, () => false));
    check("the view is in the address", page.url().includes("view=iot") && page.url().includes("table=src"), page.url());
    await press(page, '#windows button[data-value="1h"]');
    await expectRows(page, "the trailing hour", await ask({ table: "src", view: "iot", sensors: ["a"], window: "1h" }));
    await page.goBack();
    await expectRows(page, "back again", await ask({ table: "src", view: "iot", sensors: ["a"] }));
    await picture(page, "iot");
    return page;
}

async function sensors(page) {
    await press(page, '#views button[data-value="all"]');
    await press(page, "#tab-tcp");
    await press(page, "#sensor-menu summary");
    await press(page, '#sensor-menu input[value="b"]');
    await expectRows(page, "two sensors are one", await ask({ table: "tcp", view: "all", sensors: ["a", "b"] }));
    const menu = () => page.$eval("#sensor-menu", (each) => [each.open, each.querySelector("summary").textContent,
        ...[...each.querySelectorAll("input")].map((box) => box.checked)].join());
    check("all are chosen when each is", (await menu()) === "true,All sensors, merged,true,false,false", await menu());
    await press(page, '#sensor-menu input[value="a"]');
    check("an open menu follows", (await menu()) === "true,a,false,true,false" && page.url().includes("sensor=a"), `${await menu()} ${page.url()}`);
    await press(page, '#sensor-menu input[value="b"]');
    check("one more is both", (await menu()) === "true,All sensors, merged,true,false,false" && !page.url().includes("sensor="), `${await menu()} ${page.url()}`);
    const shared = await open(new URL(page.url()).search);
    await expectRows(shared, "a shared address shows the same", await ask({ table: "tcp", view: "all", sensors: ["a", "b"] }));
    const latest = await ask("latest"), shown = await values(shared, "#card-now");
    check("packets a second of both", shown.join() === `${latest.packets / 60},${latest.iot_matched / 60}`, `${shown} ${JSON.stringify(latest)}`);
    await shared.close();
    const country = await ask("country");
    await page.goto(`${address}?sensor=a&table=cc&rows=1000&window=30d`); // ports of a country are of the trailing day
    await page.click(`tr[data-key="${country.cc}"] button.link`);
    await page.waitForFunction((cc) => location.search.includes(`cc=${cc}`), country.cc);
    await expectRows(page, "the ports of a country", country.rows);
    await press(page, ".filters .chip");
    await press(page, "#ranking tbody tr:first-child .pick");
    check("a row filters the feed", page.url().includes("pick=tcp:"), page.url());
    await feedOfNetwork(page);
    await page.close();
}

/* The newest packets are listed, at most eight, an archive's again and again. */
async function feedOfNetwork(page) {
    const asn = "64500";
    const sources = await ask({ asn });
    check("packets of the AS are in the sample", sources.length > 8, sources.length);
    await page.goto(`${address}?sensor=a&table=asn&rows=1000`);
    await ready(page);
    await page.click(".ticker summary");
    const listed = () => page.$$eval(".ticker tbody button.link", (all) => all.map((each) => each.textContent));
    const full = () => page.waitForFunction(() => document.querySelectorAll(".ticker tbody tr").length === 8, null, { timeout: 60000 });
    await full();
    await page.click(`#ranking tbody tr[data-key="${asn}"] .pick`);
    await page.waitForFunction(() => location.search.includes("pick=asn:"));
    const before = await listed();
    check("other packets go at once", before.every((each) => sources.includes(each)), before);
    await full();
    check("an AS's row filters the feed", (await listed()).every((each) => sources.includes(each)), `${await listed()}`);
}

async function sourcePage() {
    const wanted = await ask("source");
    const page = await open(`?sensor=a&source=${wanted.ip}`);
    await page.waitForSelector("dialog[open]");
    const text = await page.textContent("dialog");
    check("evidence", wanted.texts.every((each) => text.includes(each)), `${text} ${wanted.texts}`);
    await accessible(page, "a source");
    await picture(page, "source", false);
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => !location.search.includes("source="));
    check("Escape closes it", !(await page.$("dialog[open]")));
    await page.close();
}

/* No destination, by any way the page could have one. */
async function others() {
    for (const [name, query, options] of [["light", "?theme=light&table=labelled", {}], ["japanese", "?lang=ja&sensor=a", {}], ["phone", "?table=cc", { width: 390, height: 844 }]]) {
        const page = await open(query);
        if (options.width) {
            await page.setViewportSize(options);
            await page.waitForFunction(() => document.documentElement.clientWidth < 400);
            const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
            check("a phone's width is enough", wide <= 0, wide);
        }
        await accessible(page, name);
        await picture(page, name);
        if (name === "japanese") check("Japanese", (await page.textContent("h2")) === "概要" && (await page.getAttribute("html", "lang")) === "ja");
        await page.close();
    }
}

async function keyboard() {
    const page = await open("?sensor=a");
    await page.keyboard.press("Tab");
    check("the first stop skips to the numbers", await page.evaluate(() => document.activeElement.className === "skip"));
    await page.focus("#tab-tcp");
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction(() => location.search.includes("table=udp") && document.activeElement.id === "tab-udp");
    check("arrows move between tables", true);
    const files = [];
    for (const id of ["#table-csv", "#series-csv", "#series-svg", "#atlas-svg"]) {
        const [download] = await Promise.all([page.waitForEvent("download"), page.click(id)]);
        const text = readFileSync(await download.path(), "utf8");
        files.push(text);
        writeFileSync(join(artefacts, download.suggestedFilename()), text);
    }
    const wanted = await ask({ table: "udp", view: "all", sensors: ["a"] });
    const rows = files[0].trim().split("\r\n").slice(1).map((line) => line.split(","));
    check("a table as CSV", rows.length === Object.keys(wanted).length && rows.every((row) => wanted[row[0]] === Number(row[2])), files[0].slice(0, 200));
    check("a series as CSV", files[1].split("\r\n").length > 60);
    check("pictures as SVG", files[2].startsWith("<svg") && files[3].startsWith("<svg") && files[3].includes("<path"), files[3].slice(0, 80));
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#overview-csv")]);
    const overview = readFileSync(await download.path(), "utf8").trim().split("\r\n").map((line) => line.split(","));
    const numbersThere = await ask("numbers");
    check("the overview as CSV", overview[0][1] === "packets" && Number(overview.at(-1)[1]) === numbersThere.packets, overview.at(-1));
    await focusStays(page);
    const range = await page.textContent("#series-range");
    await page.click('button[title="Zoom in"]');
    await page.waitForFunction((before) => document.getElementById("series-range").textContent !== before, range);
    check("zoom", /window=\d+-\d+/.test(page.url()), page.url());
    await page.close();
}

/* What is drawn again every few seconds, or after a key, keeps the keyboard's place. */
async function focusStays(page) {
    const held = () => page.evaluate(() => `${document.activeElement.tagName} ${document.activeElement.closest("[data-key]")?.dataset.key}`);
    const drawn = await page.evaluate(() => Number(document.documentElement.dataset.ready));
    await page.focus("details.days summary");
    await page.waitForFunction((before) => Number(document.documentElement.dataset.ready) > before, drawn, { timeout: 60000 });
    check("the focus outlives a refresh", (await held()) === "SUMMARY undefined", await held());
    const key = await page.getAttribute("#ranking tbody tr:nth-child(3)", "data-key");
    await page.focus("#ranking tbody tr:nth-child(3) .pick");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#ranking tr.picked");
    check("the focus stays in its row", (await held()) === `BUTTON ${key}`, await held());
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => !document.querySelector("#ranking tr.picked"));
}

/* A minute between two gaps has no line; it is a dot in every picture. */
async function lonelyMinutes() {
    const page = await context.newPage();
    await page.addInitScript(() => {
        const plain = window.fetch;
        window.fetch = async (url, options) => {
            const response = await plain(url, options);
            if (!String(url).includes("/series") || !response.ok) return response;
            const answer = await response.json(), middle = Math.floor(answer.points / 2);
            for (const column of Object.values(answer.fields)) column.forEach((_, i) => (column[i] = i === middle ? 600 : null));
            return new Response(JSON.stringify(answer), response);
        };
    });
    await page.goto(`${address}?sensor=a`);
    await ready(page);
    await page.waitForSelector(".spark path", { state: "attached" });
    const sparks = await page.$$eval(".spark path", (all) => all.map((each) => `${each.getAttribute("d")} ${getComputedStyle(each).strokeLinecap}`));
    check("a sparkline has a dot", sparks.length === 2 && sparks.every((each) => /^M[\d.]+ [\d.]+h0 round$/.test(each)), sparks);
    const drawn = await page.$$eval(".plot", (all) => all.map((plot) => {
        const canvas = plot.querySelector("canvas"), wanted = getComputedStyle(plot.querySelector("figcaption i")).backgroundColor.match(/\d+/g).map(Number);
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let n = 0;
        for (let i = 0; i < data.length; i += 4) n += data[i + 3] === 255 && wanted.every((v, k) => Math.abs(data[i + k] - v) < 3);
        return n;
    }));
    check("a chart has a dot", drawn.length === 2 && drawn.every((n) => n > 3 && n < 40), drawn);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#series-svg")]);
    const text = readFileSync(await download.path(), "utf8");
    check("a saved picture has a dot", (text.match(/d="M[\d.]+ [\d.]+h0"[^>]*stroke-linecap="round"/g) || []).length === 2, text.slice(0, 600));
    await picture(page, "dots", false);
    await page.close();
}

/* An hour of which half was captured, beside whole ones, at the same rate; nobody knows whose half it was of two sensors. */
async function halfHours() {
    for (const [sensors, step, level] of [["a", 3600, true], ["a,b", 3600, false], ["a", 900, false]]) {
        const page = await context.newPage();
        await page.addInitScript(([hour]) => {
            const plain = window.fetch;
            window.fetch = async (url, options) => {
                const response = await plain(url, options);
                if (!String(url).includes("/series") || !response.ok) return response;
                const answer = { ...(await response.json()), start: 1795305600, from: 1795305600, to: 1795305600 + 3 * hour, step: hour, points: 3 };
                for (const name of Object.keys(answer.fields)) answer.fields[name] = [10 * hour, 5 * hour, 10 * hour];
                answer.fields.seconds = [hour, hour / 2, hour];
                return new Response(JSON.stringify(answer), response);
            };
        }, [step]);
        await page.goto(`${address}?sensor=${sensors}`);
        await ready(page);
        const [download] = await Promise.all([page.waitForEvent("download"), page.click("#series-svg")]);
        const text = readFileSync(await download.path(), "utf8");
        const heights = [...text.matchAll(/d="(M[\d.]+ [\d.]+(?:L[\d.]+ [\d.]+){2})"/g)].map((found) => found[1].match(/[\d.]+/g).map(Number).filter((_, i) => i % 2));
        check(`a half captured step of ${step} s of ${sensors}`, heights.length === 2 && heights.every(([one, half, two]) => one === two && (half === one) === level), text.slice(0, 600));
        await page.close();
    }
}

/* A server that is busy answers the feed with 503, after which a browser gives up. */
async function feedAgain() {
    const page = await context.newPage();
    let asked = 0;
    await page.route("**/api/v1/feed**", (route) => (asked++ ? route.continue() : route.fulfill({ status: 503, body: "" })));
    await page.goto(`${address}?sensor=a`);
    await page.click(".ticker summary");
    const came = await page.waitForSelector(".ticker tbody tr", { timeout: 60000 }).then(() => true, () => false);
    check("the feed is asked for again", came && asked > 1, asked);
    await page.close();
}

/* An address that asks for what is not there. */
async function notThere() {
    const page = await open("?sensor=gone", false);
    check("a sensor that is not there is said", (await page.textContent("#alarm")).includes("no such sensor"), await page.textContent("#alarm"));
    await page.close();
}

async function away() {
    const page = await open("?sensor=a", false);
    await ask("stop redis");
    await page.waitForFunction(() => !document.getElementById("alarm").hidden, null, { timeout: 60000 });
    check("Redis away is said", (await page.textContent("#alarm")).includes("Redis is away"), await page.textContent("#alarm"));
    check("the numbers stay", (await values(page, "#card-total"))[0] > 0);
    await picture(page, "away", false);
    await ask("start redis");
    await page.waitForFunction(() => document.getElementById("alarm").hidden, null, { timeout: 60000 });
    check("Redis back is seen", true);
    await page.close();
}

/* 100,000 labelled sources, and tables as long as they get: how long an interaction takes, from the
   event to the next picture. A number to read, not one to hold. */
async function large() {
    await ask("many sources");
    const page = await open("?sensor=big&table=labelled");
    const devtools = await context.newCDPSession(page);
    await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
    const busy = async () => (await devtools.send("Performance.getMetrics")).metrics.find((each) => each.name === "TaskDuration").value * 1000;
    const costs = [];
    const cost = async (name, action) => {
        const before = await busy();
        await action();
        await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
        costs.push([name, Math.round(await busy() - before)]);
    };
    await page.evaluate(() => {
        window.slowest = 0;
        window.slow = [];
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) {
                if (!entry.interactionId) continue;
                window.slow.push([`${entry.name} ${entry.target?.id || entry.target?.className || entry.target?.textContent}`, Math.round(entry.duration)]);
                window.slowest = Math.max(window.slowest, entry.duration);
            }
        }).observe({ type: "event", durationThreshold: 16, buffered: true });
    });
    check("100,000 sources are told", (await page.textContent("#table-note")).includes("100,000"), await page.textContent("#table-note"));
    for (let i = 0; i < 2; i++) {
        await cost(`more ${i}`, () => page.click("#more"));
        await page.waitForFunction((n) => document.querySelectorAll("#ranking tbody tr").length === n, i ? 1000 : 100, { timeout: 60000 });
    }
    for (const id of ["#tab-src", "#tab-tcp", "#tab-cc", "#tab-labelled", "#theme", '#views button[data-value="iot"]', '#views button[data-value="all"]', "#language"]) {
        await cost(id, () => page.click(id));
    }
    await page.click("#tab-labelled");
    await page.waitForSelector("#ranking tbody tr");
    await page.click("#ranking tbody tr:first-child .pick");
    await page.click("#ranking tbody tr:first-child button.link");
    await page.waitForSelector("dialog[open]");
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100))));
    const result = await page.evaluate(() => ({ slowest: window.slowest, slow: window.slow.sort((a, b) => b[1] - a[1]).slice(0, 5) }));
    say({ note: `main thread, ms: ${JSON.stringify(costs)}` });
    say({ note: `largest interaction ${Math.round(result.slowest)} ms of ${JSON.stringify(result.slow)}` });
    await picture(page, "large", false);
    await page.close();
}

async function oneFile() {
    const page = await context.newPage();
    page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`file://${single}`);
    await ready(page);
    const wanted = await ask("report");
    check("one file: packets", (await values(page, "#card-total")).join() === `${wanted.packets},${wanted.iot_matched}`, await values(page, "#card-total"));
    await expectRows(page, "one file: ports", wanted.tcp);
    const cells = await page.$$eval("#ranking tbody td", (all) => all.map((each) => each.textContent).join(" "));
    check("one file: a sketch is no upper bound", cells.includes("~ ") && !cells.includes("≤"), cells.slice(0, 300));
    await press(page, "#tab-labelled");
    await page.waitForSelector("#ranking tbody tr button.link");
    await page.click("#ranking tbody tr:first-child button.link");
    await page.waitForSelector("dialog[open] table");
    check("one file: a source", (await page.textContent("dialog")).includes("mirai"));
    await page.keyboard.press("Escape");
    await press(page, '#views button[data-value="iot"]');
    await press(page, "#tab-tcp");
    await expectRows(page, "one file: IoT ports", wanted.iot_tcp);
    await press(page, '#views button[data-value="all"]');
    await press(page, "#tab-cc");
    await page.waitForSelector('#ranking tbody tr[data-key="US"] button.link');
    check("one file: no ports by country", await page.$eval('#ranking tbody tr[data-key="US"] button.link', (each) => each.disabled));
    await page.goto(`file://${single}?cc=US`);
    await ready(page);
    await expectRows(page, "one file: an address with a country", wanted.tcp);
    await accessible(page, "one file");
    await picture(page, "one-file");
    await page.close();
}

const page = await numbers();
const texts = [999.4e6, 999.6e6, 1e9, 4.2e9, 1e12, 123456, 0.25].map(short).join();
check("large numbers", texts === "999 M,1.00 G,1.00 G,4.20 G,1.00 T,123,456,0.25", texts);
await sensors(page);
await sourcePage();
await others();
await keyboard();
await lonelyMinutes();
await halfHours();
await notThere();
await feedAgain();
await away();
await large();
if (single) await oneFile();
check("nothing was asked of another host", foreign.length === 0, foreign.join(" "));
check("no word on the console", complaints.length === 0, complaints.slice(0, 5).join(" | "));
await browser.close();
process.exit(0);
