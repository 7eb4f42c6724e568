// The pace of the sampled packets. What is live is shown as it comes; an archive's sample is played
// in its own rhythm, again and again, and the page says that it is one.

const LOOP_S = 40;
const LOOP_PACKETS = 1500;
const GAP_S = 1;
const BEHIND_S = 2;

export class Player {
    constructor() {
        this.queue = [];
        this.loop = false;
        this.start = null;
        this.next = 0;
    }

    reset(loop) {
        this.queue = [];
        this.loop = loop;
        this.start = null;
        this.next = 0;
    }

    add(packet) {
        packet.at = Number(packet.time) || 0;
        this.queue.push(packet);
        if (this.queue.length > 12000) this.queue.splice(0, this.queue.length - 10000);
        this.sorted = false;
    }

    /* The packets that are due; seconds of a clock. */
    due(now) {
        if (!this.queue.length) return [];
        return this.loop ? this.dueLooped(now) : this.dueLive(now);
    }

    /* A sensor's packets come a flush at a time: they are spread over the time they arrived in. */
    dueLive(now) {
        const newest = this.queue[this.queue.length - 1].at;
        if (this.start === null || newest - (now - this.start) > 30 || newest - (now - this.start) < -90)
            this.start = now - newest + BEHIND_S;
        const until = now - this.start;
        const out = this.queue.filter((packet) => packet.at <= until);
        this.queue = this.queue.filter((packet) => packet.at > until);
        return out.filter((packet) => packet.at > until - 5);
    }

    /* Silence between captures is cut short. */
    arrange() {
        let due = 0, before = null;
        this.tail = this.queue.slice(-LOOP_PACKETS).map((packet) => {
            if (before !== null) due += Math.min(GAP_S, packet.at - before);
            before = packet.at;
            return { packet, due };
        });
        this.next = Math.min(this.next, this.tail.length);
    }

    dueLooped(now) {
        if (!this.sorted) {
            this.queue.sort((a, b) => a.at - b.at);
            this.sorted = true;
            this.arrange();
        }
        const last = this.tail.length - 1;
        const pace = Math.max(1, this.tail[last].due / LOOP_S);
        if (this.start === null) this.start = now;
        const until = (now - this.start) * pace;
        const out = [];
        while (this.next <= last && this.tail[this.next].due <= until) out.push(this.tail[this.next++].packet);
        if (this.next > last && until > this.tail[last].due + pace) {
            this.next = 0;
            this.start = now;
        }
        return out.slice(-200);
    }
}
