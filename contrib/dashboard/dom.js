// Elements without a framework; whatever text is given is text, never markup.

/* make("p", { class: "x", onclick: f }, "text", element, [more], null) */
export function make(tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties || {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (name === "style") for (const [key, v] of Object.entries(value)) element.style.setProperty(key, v);
        else if (name in element && typeof value !== "string") element[name] = value;
        else element.setAttribute(name, value === true ? "" : value);
    }
    fill(element, children);
    return element;
}

function fill(element, children) {
    for (const child of children.flat(Infinity)) {
        if (child === null || child === undefined || child === false) continue;
        element.append(child);
    }
}

/* How to find what has the keyboard's focus again among other children: by its id, else by its place
 * in the row of the same key, else by its place. */
function wayTo(element, held) {
    if (held.id) return () => element.querySelector(`#${CSS.escape(held.id)}`);
    const row = held.closest("[data-key]");
    const { key } = (row && element.contains(row) && row.dataset) || {};
    const places = [];
    for (let each = held; each !== element && !(key !== undefined && each === row); each = each.parentNode)
        places.unshift([...each.parentNode.children].indexOf(each));
    return () => {
        const start = key === undefined ? element : [...element.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key);
        const found = places.reduce((each, place) => each?.children[place], start);
        return found?.tagName === held.tagName ? found : null;
    };
}

/* Gives an element other children; the focus stays where it was, if that is still there. */
export function refill(element, ...children) {
    const held = document.activeElement;
    const again = held && held !== element && element.contains(held) && wayTo(element, held);
    element.replaceChildren();
    fill(element, children);
    if (again) again()?.focus({ preventScroll: true });
    return element;
}

/* Only when it differs: a screen reader reads what changed. */
export function retext(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

export function svg(tag, attributes, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes || {}))
        if (value !== null && value !== undefined) element.setAttribute(name, value);
    fill(element, children);
    return element;
}
