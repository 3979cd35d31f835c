// Follows what arrives: asks while somebody looks, puts each event at its place by time, waits while somebody reads.

const MOST = 500; // rows that are kept
const [SOON, LATER, LONGEST] = [2000, 10_000, 60_000]; // milliseconds

const live = document.getElementById("live");
const [status, reload, toggle, , fresh] = live.children;
const list = document.querySelector(".events tbody");
const blank = document.getElementById("blank").content.firstElementChild;
const since = document.getElementById("since");
const [news, passed, gap] = since.children;

let { cursor } = live.dataset;
let [on, due, pause, failures] = [true, 0, SOON, 0];
let [held, came, shown, over] = [[], 0, 0, 0];
let timer, asking;

reload.hidden = true;
since.hidden = false;
toggle.hidden = false;
toggle.addEventListener("click", () => {
  on = !on;
  toggle.textContent = on ? "Pause" : "Resume";
  say(on ? "Connecting" : "Paused");
  follow();
});
fresh.addEventListener("click", () => {
  show();
  scrollTo(0, 0);
  document.getElementById("main").focus();
});
document.addEventListener("visibilitychange", follow);
addEventListener("pageshow", follow);
say("Connecting");

function follow() {
  clearTimeout(timer);
  asking?.abort();
  if (on && !document.hidden) timer = setTimeout(ask, due - Date.now());
}

async function ask() {
  const { signal } = (asking = new AbortController());
  const answer = await fetch(`${live.dataset.news}&cursor=${cursor}`, { signal }).catch(() => null);
  const told = answer?.ok && (await answer.json().catch(() => null));
  if (signal.aborted) return;
  if (told) take(told);
  else if (answer && !answer.ok && answer.status < 429) end(answer.status);
  else retry(answer?.headers.get("Retry-After"));
  follow();
}

function take(told) {
  cursor = told.cursor;
  failures = 0;
  pause = told.rows.length ? SOON : Math.min(LATER, pause * 1.5);
  due = Date.now() + pause;
  // What came while the page was made is on it already.
  const rows = told.rows.filter(({ id }) => !document.getElementById(`e-${id}`));
  held = [...held, ...rows].slice(-MOST);
  came += rows.length;
  over += told.passed_over;
  if (told.gap) gap.hidden = false;
  if (!held.length || !isRead()) return show();
  fresh.textContent = `${came - shown} new`;
  fresh.hidden = false;
  say("Paused while you read");
}

function retry(seconds) {
  say("Reconnecting");
  due = Date.now() + (+seconds || 0) * 1000 + (0.5 + Math.random() / 2) * Math.min(LONGEST, SOON * 2 ** failures++);
}

function end(code) {
  on = reload.hidden = false;
  toggle.hidden = true;
  say(code === 401 ? "You are signed out" : "No longer live");
}

function say(words) {
  if (status.textContent !== words) status.textContent = words;
}

function isRead() {
  const away = list.getBoundingClientRect().top < 60;
  return away || list.matches(":focus-within, :has(.opened)") || !getSelection().isCollapsed;
}

function show() {
  if (on) say("Live");
  held.forEach((row) => list.insertBefore(drawn(row), [...list.rows].find(({ dataset }) => dataset.at <= row.at) ?? null));
  held = [];
  shown = came;
  fresh.hidden = true;
  while (list.rows.length > MOST) {
    list.lastElementChild.remove();
    document.querySelector("nav[aria-label=Pages]")?.remove(); // they follow on other rows
  }
  news.textContent = came;
  passed.textContent = over;
}

function drawn(row) {
  const line = blank.cloneNode(true);
  const places = [...line.querySelectorAll("time,.level,bdi")];
  [row.time, row.level, row.service, ...row.cells].forEach((text, at) => (places[at].textContent = text));
  places[0].title = row.ago;
  places[1].className = `level ${row.level}`;
  const message = places.pop();
  message.append(...row.message.map(({ text, hit }) => (hit ? element("mark", text) : text)));
  if (row.more) message.after(element("small", `… ${row.more.toLocaleString("en")} more`));
  line.id = `e-${row.id}`;
  line.querySelector("a").href = `?${row.next}#${line.id}`;
  line.dataset.at = row.at;
  return line;
}

function element(name, text) {
  return Object.assign(document.createElement(name), { textContent: text });
}
