// Signs one statement: a request, a review, a grant or a withdrawal. As on the page for responses,
// what is shown is read from the bytes to be signed, and put in as text.

import { bundle, statementId } from "./dsse.js";
import { fromBase64, readCanonical } from "./encoding.js";
import { opened } from "./reading.js";
import * as vault from "./vault.js";
import { call, enrol, fingerprint, pause, Refused } from "./wire.js";

const root = document.getElementById("signing");
const words = JSON.parse(root.dataset.words);
const state = document.getElementById("state");
const form = root.querySelector("form[data-part=ask]");

let key;
let org;
let prepared;

function show(...names) {
  for (const each of root.querySelectorAll("[data-part]")) each.hidden = !names.includes(each.dataset.part);
}

function tell(kind, message) {
  state.className = `note ${kind}`;
  state.hidden = !message;
  state.textContent = message ?? "";
}

function why(error) {
  const problem = error instanceof Refused ? error.problem : {};
  const lines = (problem.problems ?? []).map((each) => each.reason?.[root.dataset.side]).filter(Boolean);
  const codes = problem.codes?.join(", ") ?? problem.type?.replace("urn:rensho:problem:", "") ?? error.message;
  return [words.refused, ...lines, codes && `(${codes})`].filter(Boolean).join(" ");
}

async function start() {
  if (!globalThis.isSecureContext || !globalThis.crypto?.subtle) return show("insecure");
  const found = await call("GET", "/sign/keys");
  org = found.org;
  key = await vault.current(org, found.keys);
  const known = key && found.keys.find((each) => each.key_id === key.keyId);
  if (known?.state === "enrolled") return ready();
  if (known && known.state !== "queued") key = undefined;
  show("no-key");
}

async function makeKey() {
  tell("", words.making);
  show();
  try {
    key ??= await vault.make(org);
    await enrol(key);
    tell("good", words.made);
    ready();
  } catch (error) {
    tell("bad", why(error));
    show("no-key");
  }
}

function ready() {
  for (const each of root.querySelectorAll("[data-fill=fingerprint]")) each.textContent = fingerprint(key.keyId);
  show("key", "ask");
}

async function prepare(event) {
  event.preventDefault();
  tell("", words.preparing);
  try {
    const given = Object.fromEntries(new FormData(form));
    const body = { ...JSON.parse(root.dataset.extra), ...given, key_id: key.keyId };
    prepared = await call("POST", root.dataset.prepare, body);
    const payload = fromBase64(prepared.payload);
    const said = readCanonical(payload);
    if ((await statementId(payload)) !== prepared.statement_id) throw new Error("statement.id");
    if (said.predicate.signer.keyId !== key.keyId) throw new Error("signer.key_mismatch");
    if (said.predicate.signer.org !== `urn:rensho:org:${org}`) throw new Error("signer.org_mismatch");
    summarise(root.dataset.kind === "grant" ? await granted(said.predicate) : said.predicate);
    tell("", null);
    show("key", "summary");
    root.querySelector("[data-part=summary] h2").focus();
  } catch (error) {
    tell("bad", why(error));
  }
}

// A grant names its reader in a disclosure: it must open what is signed, and be the chosen request.
async function granted(predicate) {
  const readers = await opened(predicate.audience, prepared.disclosures[prepared.statement_id]?.audience);
  const chosen = form.elements.request_id;
  if (readers.length !== 1 || readers[0].requestId !== chosen.value) throw new Error("context.audience");
  return { ...predicate, ...readers[0], reader: chosen.selectedOptions[0].textContent };
}

function summarise(predicate) {
  const list = root.querySelector("[data-list=facts]");
  list.replaceChildren();
  for (const [name, label] of Object.entries(words.fields)) {
    const value = written(name, predicate[name]);
    if (value === undefined) continue;
    const term = document.createElement("dt");
    const told = document.createElement("dd");
    term.textContent = label;
    told.textContent = value;
    list.append(term, told);
  }
  root.querySelector("[data-fill=digest]").textContent = prepared.statement_id;
}

function written(name, value) {
  if (value === undefined || value === null) return undefined;
  if (name === "respondents") return String(value._sd.length);
  if (name === "answers") return String(value.length);
  if (name === "notAfter") {
    const day = { dateStyle: "long", timeZone: "Asia/Tokyo" };
    return new Date(value).toLocaleDateString(document.documentElement.lang, day);
  }
  if (name === "decisions") {
    return value.map((each) => [each.question, words.values[each.outcome] ?? each.outcome, each.reason].filter(Boolean).join(" ")).join("\n");
  }
  const one = (each) => words.values[each] ?? String(each);
  return Array.isArray(value) ? value.map(one).join(words.comma) : one(value);
}

async function sign() {
  tell("", words.signing);
  show("key");
  try {
    const made = await call("POST", "/sign/submissions", {
      kind: root.dataset.kind,
      bundles: [await bundle(key, prepared.payload)],
      documents: prepared.documents ?? {},
      disclosures: prepared.disclosures ?? {},
    });
    for (let tries = 0; tries < 240; tries += 1) {
      const found = await call("GET", `/sign/submissions/${made.id}`);
      if (found.state === "refused") throw new Refused(422, { codes: found.codes });
      if (found.state === "logged") return globalThis.location.assign(root.dataset.done);
      tell("", words.waiting);
      await pause(Math.min(150 + tries * 50, 2000));
    }
    throw new Error("log.slow");
  } catch (error) {
    tell("bad", why(error));
    show("key", "summary");
  }
}

root.querySelector("[data-do=make]").addEventListener("click", makeKey);
form.addEventListener("submit", prepare);
root.querySelector("[data-do=sign]").addEventListener("click", sign);
root.querySelector("[data-do=again]").addEventListener("click", ready);
start().catch((error) => tell("bad", why(error)));
