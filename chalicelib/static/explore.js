// Offers the last queries of this tab, values for the word being typed, and opens rows by a click. Nothing is stored.

const MOST = 8;
const field = document.getElementById("q");

offer(recent());
completeWords();
openByClick();

// The tab's own history knows them, newest last. What lies before a sign-in may be somebody else's.
function recent() {
  const here = new URL(field.form.action).pathname;
  const found = new Set();
  for (const { url } of window.navigation?.entries().reverse() ?? []) {
    const { pathname, searchParams } = new URL(url ?? "", location);
    if (pathname.endsWith("/sign-in")) break;
    if (pathname === here) found.add((searchParams.get("q") ?? "").trim());
  }
  found.delete("");
  return [...found].slice(0, MOST);
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
