// The numbers from the server that the page came from, and the feed.

const AGAIN_MS = 5000;

export class LiveSource {
    constructor() {
        this.isStatic = false;
        this.clockOffset = 0; // the server's clock less this one's, in seconds
    }

    async get(path, parameters) {
        const query = new URLSearchParams();
        for (const [name, value] of Object.entries(parameters || {})) if (value) query.set(name, value);
        const text = query.toString();
        const reply = await fetch(`api/v1/${path}${text ? `?${text}` : ""}`);
        const date = Date.parse(reply.headers.get("Date"));
        if (date) this.clockOffset = (date - Date.now()) / 1000;
        const answer = await reply.json();
        if (!reply.ok) throw Object.assign(new Error(answer.error.text), { status: reply.status });
        return answer;
    }

    now() {
        return Date.now() / 1000 + this.clockOffset;
    }

    world() {
        return fetch("world.json").then((reply) => reply.json());
    }

    /* Calls with every packet; returns what ends it. A browser asks again when a feed breaks off, but not
     * after an answer that is none, such as a server's that is busy. */
    watch(sensor, packet, away) {
        let stream, again;
        const open = () => {
            stream = new EventSource(`api/v1/feed${sensor ? `?sensor=${sensor}` : ""}`);
            stream.onmessage = (event) => packet(JSON.parse(event.data));
            stream.addEventListener("redis", (event) => away(JSON.parse(event.data).away));
            stream.onerror = () => {
                if (stream.readyState === EventSource.CLOSED) again = setTimeout(open, AGAIN_MS);
            };
        };
        open();
        return () => {
            clearTimeout(again);
            stream.close();
        };
    }
}
