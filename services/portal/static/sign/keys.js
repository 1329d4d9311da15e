// The key page: shows which of the listed keys is in this browser, makes one, hands it over to a new
// one, objects to that, and proves one again that was suspended.

import * as vault from "./vault.js";
import { call, enrol, Refused, veto } from "./wire.js";

const root = document.getElementById("keys");
const words = JSON.parse(root.dataset.words);
const state = document.getElementById("state");

function tell(kind, message) {
  state.className = `note ${kind}`;
  state.hidden = false;
  state.textContent = message;
}

function offer(button, doing, work) {
  if (!button) return;
  (button.closest("[data-offer]") ?? button).hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    tell("", doing);
    try {
      await work();
      globalThis.location.reload();
    } catch (error) {
      const said = error instanceof Refused ? error.problem.detail : error.message;
      tell("bad", `${words.refused} ${said ?? ""}`);
      button.disabled = false;
    }
  });
}

async function start() {
  if (!globalThis.isSecureContext || !globalThis.crypto?.subtle) return tell("bad", words.insecure);
  const { org, keys } = await call("GET", "/sign/keys");
  const mine = await vault.current(org, keys);
  const heir = await vault.heir(org);
  for (const row of root.querySelectorAll("[data-key]")) {
    const here = [mine?.keyId, heir?.keyId].includes(row.dataset.key);
    row.querySelector("[data-here]").hidden = !here;
  }
  const listed = keys.find((each) => each.key_id === mine?.keyId);
  const button = (name) => root.querySelector(`[data-key="${CSS.escape(mine.keyId)}"] [data-do=${name}]`);
  if (listed?.state === "enrolled" && listed.rotation) {
    offer(button("veto"), words.stopping, () => veto(mine, listed.rotation));
  } else if (listed?.state === "enrolled") {
    offer(button("rotate"), words.rotating, async () => {
      await enrol(await vault.make(org, { asHeir: true }), mine);
    });
  } else if (["suspended", "prove_again"].includes(listed?.state)) {
    offer(button("prove"), words.making, () => enrol(mine));
  } else {
    // A key that nobody has listed yet was made here and never handed in.
    const made = () => (mine && !listed ? mine : vault.make(org));
    offer(root.querySelector("[data-do=make]"), words.making, async () => enrol(await made()));
  }
}

start().catch((error) => tell("bad", `${words.refused} ${error.message}`));
