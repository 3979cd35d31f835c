// Asks every two seconds, while somebody looks, whether the first event has come; then turns the page into it.

const EVERY = 2000;
const page = document.getElementById("first-event");
const opened = Date.now();
const counter = document.getElementById("elapsed");
let timer = 0;

// The page that holds the key is the answer to a form. Reloading it must not send the form again.
if (page.dataset.address) history.replaceState(null, "", page.dataset.address);

document.addEventListener("visibilitychange", resume);
resume();

function resume() {
  clearTimeout(timer);
  if (!document.hidden && page.dataset.state === "waiting") timer = setTimeout(ask, EVERY);
}

async function ask() {
  const answer = await news();
  if (answer) show(answer);
  counter.textContent = elapsed();
  resume();
}

async function news() {
  try {
    const response = await fetch(page.dataset.news, { headers: { Accept: "application/json" } });
    // Signed out meanwhile, or removed: the page itself says so best.
    if (response.redirected || response.status === 404) location.assign(page.dataset.address);
    return response.ok && !response.redirected ? await response.json() : null;
  } catch {
    return null; // offline for a moment: the next question may be answered
  }
}

function show({ event, rejected }) {
  const list = document.getElementById("rejected");
  list.hidden = rejected.length === 0;
  list.querySelector("ul").replaceChildren(...rejected.map(item));
  if (!event) return;
  page.dataset.state = "arrived";
  for (const [name, value] of Object.entries(event)) {
    const place = page.querySelector(`[data-of="${name}"]`);
    if (!place) continue;
    place.textContent = value;
    if (name === "level") place.className = `level ${value}`;
  }
  document.getElementById("after").textContent = elapsed();
  document.getElementById("waiting").hidden = true;
  const arrived = document.getElementById("arrived");
  arrived.hidden = false;
  arrived.focus();
}

function item(text) {
  const line = document.createElement("li");
  line.textContent = text;
  return line;
}

function elapsed() {
  const seconds = Math.round((Date.now() - opened) / 1000);
  return seconds === 1 ? "1 second" : `${seconds} seconds`;
}
