// Remembers this person's last queries in this browser, offers values for the word being typed, opens rows by a click.

const MOST = 8;
const field = document.getElementById("q");
const place = `recent ${field.dataset.recent}`;

const known = recent();
if (field.value.trim() && !field.ariaInvalid) remember(field.value.trim());
offer(known);
completeWords();
openByClick();

function recent() {
  try {
    const found = JSON.parse(localStorage.getItem(place) ?? "[]");
    return Array.isArray(found) ? found.filter((each) => typeof each === "string").slice(0, MOST) : [];
  } catch {
    return []; // nothing is remembered where storage is turned off
  }
}

function remember(query) {
  const rest = known.filter((each) => each !== query);
  known.splice(0, known.length, query, ...rest.slice(0, MOST - 1));
  try {
    localStorage.setItem(place, JSON.stringify(known));
  } catch {
    // full, or turned off
  }
}

function offer(queries) {
  const list = document.getElementById("recent");
  if (!queries.length) return;
  list.hidden = false;
  list.querySelector("ul").replaceChildren(...queries.map(item));
}

function item(query) {
  const address = new URL(field.form.action);
  for (const [name, value] of new FormData(field.form)) address.searchParams.set(name, name === "q" ? query : value);
  const link = document.createElement("a");
  link.href = address;
  link.textContent = query;
  const line = document.createElement("li");
  line.append(link);
  return line;
}

// A list offers whole values: each term goes behind what stands there already.
function completeWords() {
  const options = [...field.list.options];
  const terms = options.map((each) => each.value);
  field.addEventListener("input", () => {
    const before = field.value.slice(0, field.value.search(/\S*$/));
    options.forEach((each, number) => (each.value = before + terms[number]));
  });
}

function openByClick() {
  document.querySelector("table.events")?.addEventListener("click", ({ target }) => {
    const row = target.closest("tr[id]");
    if (row && !target.closest("a") && getSelection().isCollapsed) row.querySelector("a").click();
  });
}
