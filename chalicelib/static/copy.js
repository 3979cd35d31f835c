// Copies what a code block shows. The buttons are hidden until this file says that they work.

const SAID_FOR = 2000;

for (const button of document.querySelectorAll("button.copy")) {
  const words = button.textContent;
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.of).textContent;
    button.textContent = await copied(text);
    setTimeout(() => (button.textContent = words), SAID_FOR);
  });
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    return "Select the text instead";
  }
}
