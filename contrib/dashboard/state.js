// What is looked at, in the address of the page: whoever opens the address sees the same.

const DEFAULTS = {
    sensor: "", view: "all", window: "24h", table: "tcp", cc: "", pick: "", source: "", chart: "scans",
    rows: "20", by: "packets", lang: "", theme: "",
};
const ALLOWED = {
    sensor: /^([A-Za-z0-9._-]{1,64}(,[A-Za-z0-9._-]{1,64}){0,31})?$/,
    view: /^(all|iot)$/,
    window: /^([1-9]\d{0,5}[smhdw]|\d{1,10}-\d{1,10})$/,
    table: /^(tcp|udp|cc|asn|label|src|labelled)$/,
    cc: /^([A-Z]{2})?$/,
    pick: /^((tcp|udp|cc|label|src|asn):[A-Za-z0-9?:._-]{1,64})?$/,
    source: /^[0-9A-Fa-f:.]{0,45}$/,
    chart: /^(scans|classes|protocols|tools|sources|losses)$/,
    rows: /^(20|100|1000)$/,
    by: /^(packets|sources)$/,
    lang: /^(en|ja)?$/,
    theme: /^(light|dark)?$/,
};

export const state = { ...DEFAULTS };
const listeners = [];

function read() {
    const query = new URLSearchParams(location.search);
    for (const key of Object.keys(DEFAULTS)) {
        const given = query.get(key);
        state[key] = given !== null && ALLOWED[key].test(given) ? given : DEFAULTS[key];
    }
}

function write(replace) {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(state)) if (value !== DEFAULTS[key]) query.set(key, value);
    const text = query.toString().replace(/%2C/g, ",").replace(/%3A/g, ":");
    const address = location.pathname + (text ? `?${text}` : "") + location.hash;
    if (replace) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
}

function tell(changed) {
    for (const listener of listeners) listener(changed);
}

export function onState(listener) {
    listeners.push(listener);
}

export function setState(changes) {
    const changed = new Set(Object.keys(changes).filter((key) => state[key] !== changes[key]));
    if (!changed.size) return;
    Object.assign(state, changes);
    write(false);
    tell(changed);
}

export function startState() {
    read();
    write(true);
    addEventListener("popstate", () => {
        const before = { ...state };
        read();
        tell(new Set(Object.keys(state).filter((key) => before[key] !== state[key])));
    });
}
