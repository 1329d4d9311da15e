// What pages do beyond forms: tell whether the last change is kept, and keep trying when it is not.
// Without this file every page still works; a button then saves what htmx saves by itself.

const state = document.getElementById("saved");
const waiting = new Map(); // fieldset → true while its newest change is not known to be kept

function say(kind) {
  if (!state) return;
  state.className = `saved ${kind === "kept" ? "good" : kind === "lost" ? "bad" : ""}`;
  const clock = new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
  state.textContent = state.dataset[kind].replace("{time}", clock);
}

document.addEventListener("input", (event) => {
  const asked = event.target.closest("fieldset[data-autosave]");
  if (!asked) return;
  waiting.set(asked, true);
  say("saving");
});

document.addEventListener("htmx:after:request", (event) => {
  const asked = event.target.closest?.("fieldset[data-autosave]");
  if (!asked) return;
  const status = event.detail.ctx.response?.status ?? 0;
  if (status >= 200 && status < 300) {
    waiting.delete(asked);
    if (waiting.size === 0) say("kept");
  } else if (status >= 400 && status < 500) {
    // The answer itself was refused: the page shows why, and trying again would not help.
    waiting.delete(asked);
    say("refused");
  } else {
    say("lost");
  }
});

document.addEventListener("htmx:error", (event) => {
  if (event.target.closest?.("fieldset[data-autosave]")) say("lost");
});

function again() {
  for (const asked of waiting.keys()) {
    if (!asked.isConnected) waiting.delete(asked);
    else asked.dispatchEvent(new Event("change", { bubbles: true }));
  }
}
window.addEventListener("online", again);
window.setInterval(() => {
  if (waiting.size && state?.classList.contains("bad")) again();
}, 5000);

window.addEventListener("beforeunload", (event) => {
  if (waiting.size && state?.classList.contains("bad")) event.preventDefault();
});

// Sending a form by its button keeps everything, so nothing waits any longer.
document.addEventListener("submit", (event) => {
  if (event.target.matches("form[data-section]")) waiting.clear();
});

// Menus of <details> close with Escape and when the focus goes elsewhere.
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.activeElement?.closest("details.tongue[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// "None of these" excludes the other ticks, and they exclude it; the server checks it as well.
document.addEventListener("change", (event) => {
  const box = event.target.closest("[data-alone] input[type=checkbox]");
  if (!box || !box.checked) return;
  for (const other of box.closest("[data-alone]").querySelectorAll("input[type=checkbox]")) {
    if (other !== box && (box.value === "none" || other.value === "none")) other.checked = false;
  }
});

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.done;
  });
}
