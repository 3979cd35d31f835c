// Light, dark or system without a round trip. Without this file the same buttons post a form.

const YEAR = 365 * 24 * 60 * 60;

for (const form of document.querySelectorAll("form.theme")) {
  form.addEventListener("submit", (event) => {
    const chosen = event.submitter?.value;
    if (!chosen) return;
    event.preventDefault();
    document.cookie = `__Host-theme=${chosen}; Path=/; Max-Age=${YEAR}; SameSite=Lax; Secure`;
    show(chosen);
  });
}

function show(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of document.querySelectorAll("form.theme button"))
    button.setAttribute("aria-pressed", String(button.value === theme));
}
