// Runs in the browser. It changes what differs and nothing else, so that a selection, the focus and what the pointer is on stay.

/** `/status.js`. */
export const SCRIPT = `const parts = document.getElementById("parts");
const connection = document.getElementById("connection");

/** Makes the node like the other one. */
function morph(from, to) {
  if (from.nodeName !== to.nodeName) return from.replaceWith(to);
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
  for (const { name, value } of to.attributes)
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  const olds = [...from.childNodes];
  const news = [...to.childNodes];
  news.forEach((node, i) => (olds[i] ? morph(olds[i], node) : from.append(node)));
  for (const node of olds.slice(news.length)) node.remove();
}

function elementOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function take({ version, title, order, changed }) {
  if (version !== document.body.dataset.version) return location.reload();
  document.title = title;
  for (const child of [...parts.children]) if (!order.includes(child.id)) child.remove();
  for (const { id, html } of changed) {
    const there = document.getElementById(id);
    if (there) morph(there, elementOf(html));
    else parts.append(elementOf(html));
  }
  const inOrder = [...parts.children].every((child, i) => child.id === order[i]);
  if (!inOrder) parts.append(...order.map((id) => document.getElementById(id)).filter((child) => child !== null));
}

const events = new EventSource("/events");
events.addEventListener("update", ({ data }) => {
  take(JSON.parse(data));
  connection.textContent = "";
});
events.addEventListener("error", () => {
  connection.textContent = "The connection to the service is lost: what stands here is old.";
  // The browser gives up after an answer that is an error; a new page asks for a password as well, if it must.
  if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 10_000);
});
`;
