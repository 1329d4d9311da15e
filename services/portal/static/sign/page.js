// The signing page. Nothing a user wrote comes as markup: names and answers are put in as text.

import { bundle } from "./dsse.js";
import * as vault from "./vault.js";
import { read } from "./reading.js";
import { call, enrol, fingerprint, pause, Refused } from "./wire.js";

const root = document.getElementById("signing");
const words = JSON.parse(root.dataset.words);
const here = root.dataset.request;
const state = document.getElementById("state");
const part = (name) => root.querySelector(`[data-part="${name}"]`);

function show(...names) {
  for (const each of root.querySelectorAll("[data-part]")) {
    each.hidden = !names.includes(each.dataset.part);
  }
}

function tell(kind, message) {
  state.className = `note ${kind}`;
  state.hidden = !message;
  state.textContent = message ?? "";
}

function fill(name, value) {
  for (const each of root.querySelectorAll(`[data-fill="${name}"]`)) each.textContent = value;
}

function why(error) {
  const problem = error instanceof Refused ? error.problem : {};
  const lines = (problem.problems ?? []).map((each) => each.reason?.[root.dataset.side]).filter(Boolean);
  const codes = problem.codes?.join(", ") ?? problem.type?.replace("urn:rensho:problem:", "") ?? error.message;
  return [words.refused, ...lines, codes && `(${codes})`].filter(Boolean).join(" ");
}

let facts;
let key;
let prepared;

async function start() {
  if (!globalThis.isSecureContext || !globalThis.crypto?.subtle) return show("insecure");
  facts = await call("GET", `/sign/${here}/facts`);
  fill("requester", facts.requester_name);
  fill("title", facts.title);
  key = await vault.current(facts.org, facts.keys);
  const known = key && facts.keys.find((each) => each.key_id === key.keyId);
  if (known?.state === "enrolled") return ready();
  if (known && known.state !== "enrolled" && known.state !== "queued") key = undefined;
  show("no-key");
  const elsewhere = facts.keys.some((each) => each.custody === "browser" && each.state === "enrolled");
  part("elsewhere").hidden = !elsewhere;
}

async function makeKey() {
  tell("", words.making);
  show();
  try {
    key ??= await vault.make(facts.org);
    await enrol(key);
    tell("good", words.made);
    ready();
  } catch (error) {
    tell("bad", why(error));
    show("no-key");
  }
}

function ready() {
  fill("fingerprint", fingerprint(key.keyId));
  fill("key-id", key.keyId);
  show("key", "role");
}

async function prepare() {
  tell("", words.preparing);
  try {
    prepared = await call("POST", `/sign/${here}/prepare`, {
      key_id: key.keyId,
      role: root.querySelector("select[name=role]").value,
      locale: document.documentElement.lang,
    });
    summarise(await read(prepared, key, facts));
    tell("", null);
    show("key", "summary");
    part("summary").querySelector("h2").focus();
  } catch (error) {
    prepared = undefined;
    tell("bad", why(error));
  }
}

function summarise({ statements, declaration }) {
  const counts = new Map();
  const list = root.querySelector("[data-list=answers]");
  list.replaceChildren();
  for (const statement of statements) {
    for (const answer of statement.answers) {
      counts.set(answer.state, (counts.get(answer.state) ?? 0) + 1);
      list.append(line(statement.component ?? words.company, answer));
    }
  }
  const digests = root.querySelector("[data-list=digests]");
  digests.replaceChildren(...statements.map((each) => {
    const item = document.createElement("li");
    const name = document.createElement("span");
    const digest = document.createElement("span");
    name.textContent = each.component ?? words.declaration;
    digest.className = "mono small";
    digest.textContent = each.id;
    item.append(name, document.createElement("br"), digest);
    return item;
  }));
  fill("role", words.roles[statements[0].role]);
  fill("components", String(declaration.components.length));
  fill("answers", ["answered", "checking", "withheld", "not_applicable"]
    .filter((each) => counts.has(each))
    .map((each) => `${words.states[each]} ${counts.get(each)}`).join(words.comma) || words.none);
  const ticks = declaration.preScreen;
  fill("ticks", ["embedded", "process", "customerData"].map((each) => `${words.ticks[each]}: ${words.said[ticks[each]]}`).join(words.comma));
  const below = declaration.subTier;
  fill("below", below ? words.below[below.declared] : words.below.silent);
}

function line(owner, answer) {
  const row = document.createElement("tr");
  const question = facts.questions[answer.question];
  const said = answer.state === "answered" ? (question?.options[answer.value] ?? answer.value) : words.states[answer.state];
  for (const value of [owner, question?.text ?? answer.question, [said, answer.reason].filter(Boolean).join(" – ")]) {
    const cell = document.createElement("td");
    cell.textContent = value;
    row.append(cell);
  }
  return row;
}

async function sign() {
  tell("", words.signing);
  show("key");
  try {
    const bundles = await Promise.all(prepared.statements.map((each) => bundle(key, each.payload)));
    const { documents, disclosures } = prepared;
    const made = await call("POST", "/sign/submissions", { kind: "response", bundles, documents, disclosures });
    await logged(made.id);
    tell("good", words.logged);
    globalThis.location.assign(`/requests/${here}/receipt`);
  } catch (error) {
    tell("bad", why(error));
    show("key", "summary");
  }
}

async function logged(id) {
  for (let tries = 0; tries < 240; tries += 1) {
    const found = await call("GET", `/sign/submissions/${id}`);
    if (found.state === "refused") throw new Refused(422, { codes: found.codes });
    if (found.state === "logged") return;
    tell("", words.states_of_submission[found.state]);
    await pause(Math.min(150 + tries * 50, 2000));
  }
  throw new Error("log.slow");
}

root.querySelector("[data-do=make]").addEventListener("click", makeKey);
root.querySelector("[data-do=prepare]").addEventListener("click", prepare);
root.querySelector("[data-do=sign]").addEventListener("click", () => {
  const sure = root.querySelector("input[name=sure]");
  if (sure.reportValidity()) sign();
});
root.querySelector("[data-do=again]").addEventListener("click", () => ready());
start().catch((error) => tell("bad", why(error)));
