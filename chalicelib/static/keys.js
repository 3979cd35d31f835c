// Single keys: / t j k o c y l and ?. They can be turned off, and never take what somebody types (WCAG 2.1.4).
// An element with data-key is focused (a field) or clicked when its key is pressed.

const PLACE = "keys";
const dialog = document.getElementById("keys");
const box = document.getElementById("keys-on");
const opener = document.querySelector('[data-key="?"]');

opener.hidden = false;
opener.addEventListener("click", () => dialog.showModal());
box.checked = stored() !== "off";
box.addEventListener("change", () => store(box.checked ? "on" : "off"));

const acts = new Map([
  ["j", () => go(1)],
  ["k", () => go(-1)],
  ["o", () => current()?.querySelector("a").click()],
  ["c", () => copy(current()?.innerText.replace(/\s+/g, " ").trim())],
  ["y", () => copy(current() && new URL(current().closest("table").dataset.events + current().id.slice(2), location).href)],
]);

document.addEventListener("keydown", (event) => {
  if (!box.checked || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const meant = acts.get(event.key) ?? shown(event.key);
  if (!meant) return;
  event.preventDefault();
  meant();
});

function shown(key) {
  const found = /^[/tl?]$/.test(key) && document.querySelector(`[data-key="${key}"]`);
  if (!found) return null;
  return () => (found.matches("input") ? found.select() : found.click());
}

function current() {
  return document.activeElement.closest("tr[id]") ?? document.querySelector("tr.at-top");
}

function go(by) {
  const rows = [...document.querySelectorAll("tr[id]")];
  const at = rows.indexOf(current());
  const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
  next?.querySelector("a").focus();
}

async function copy(text) {
  if (!text) return;
  await navigator.clipboard?.writeText(text);
  const row = current();
  row.classList.add("copied");
  setTimeout(() => row.classList.remove("copied"), 1000);
}

function stored() {
  try {
    return localStorage.getItem(PLACE);
  } catch {
    return null;
  }
}

function store(value) {
  try {
    localStorage.setItem(PLACE, value);
  } catch {
    // turned off: it holds for this page
  }
}
