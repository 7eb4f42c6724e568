// The page of a labelled source: the evidence, what it scanned, and when it was seen.
import { make, refill } from "./dom.js";
import { countryName, number, stamp, word } from "./words.js";
import { setState, state } from "./state.js";

export class SourcePage {
    constructor(source) {
        this.source = source;
        this.dialog = make("dialog", { class: "source", "aria-labelledby": "source-title" });
        this.dialog.addEventListener("close", () => setState({ source: "" }));
        this.dialog.addEventListener("click", (event) => {
            if (event.target === this.dialog) this.dialog.close();
        });
        document.body.append(this.dialog);
    }

    async show() {
        if (!state.source) {
            if (this.dialog.open) this.dialog.close();
            return;
        }
        const ip = state.source;
        let answer = null;
        try {
            answer = await this.source.get(`source/${encodeURIComponent(ip)}`, { sensor: state.sensor });
        } catch (error) {
            answer = { ip, seen_by: [], error };
        }
        if (ip !== state.source) return;
        this.draw(answer);
        if (!this.dialog.open) this.dialog.showModal();
    }

    draw(answer) {
        refill(this.dialog,
            make("header", null, make("h2", { id: "source-title", class: "mono" }, answer.ip),
                make("button", { type: "button", class: "tool", autofocus: true, "aria-label": word("close"), onclick: () => this.dialog.close() }, "✕")),
            answer.seen_by.length ? answer.seen_by.map((seen) => this.sensor(seen))
                : make("p", { class: "empty" }, answer.error && answer.error.status !== 404 ? word("away") : word("notLabelled")));
    }

    sensor(seen) {
        const fact = (key, ...value) => make("div", null, make("dt", null, word(key)), make("dd", null, value));
        return make("section", null,
            make("h3", null, word("seenBy", seen.sensor)),
            make("p", null, seen.labels.map((label) => make("span", { class: "label" }, label)), seen.iot && make("span", { class: "label iot" }, word("iotDevice"))),
            make("dl", { class: "facts" },
                fact("packets", number(seen.packets)), fact("firstSeen", stamp(seen.first, true), " UTC"), fact("lastSeen", stamp(seen.last, true), " UTC"),
                fact("country", countryName(seen.cc)), fact("as", seen.asn ? String(seen.asn) : word("unknown")),
                fact("portsOf", make("span", { class: "mono" }, seen.ports.join(" ") || "–"), seen.ports_more && ` ${word("andMore")}`)),
            make("h4", null, word("evidence")),
            make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": word("evidence") }, make("table", null,
                make("thead", null, make("tr", null, ["signature", "matched", "candidates", "probability"].map((key, i) => make("th", { scope: "col", class: i ? "n" : null }, word(key))))),
                make("tbody", null, seen.signatures.map((signature, i) => make("tr", null, make("th", { scope: "row" }, signature),
                    make("td", { class: "n" }, number(Number(seen.k[i]))), make("td", { class: "n" }, number(Number(seen.n[i]))), make("td", { class: "n mono" }, seen.probability[i] === "0" ? "< 1e-300" : seen.probability[i])))))));
    }
}
