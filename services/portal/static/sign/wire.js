// JSON to and from our own server; a refusal is an error that carries the problem document.

import { signed, ENROL, VETO } from "./dsse.js";
import { fromBase64, readCanonical } from "./encoding.js";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || String(status));
    this.status = status;
    this.problem = problem;
  }
}

export async function call(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body && JSON.stringify(body),
    redirect: "error",
  });
  const problem = answer.headers.get("content-type")?.includes("json") ? await answer.json() : {};
  if (!answer.ok) throw new Refused(answer.status, problem);
  return problem;
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What this browser signs about its own keys names key, firm and purpose, or it is not signed.
function ours(payload, key, purpose) {
  const said = readCanonical(payload);
  const firm = said.org === `urn:rensho:org:${key.org}`;
  if (said.keyId !== key.keyId || !firm || (purpose && said.purpose !== purpose)) {
    throw new Error("challenge.foreign");
  }
  return payload;
}

// Proves to the log that this browser holds the key, and waits until the log shows it. With `old`,
// the key comes in that one's place after 24 hours, and the old one signs that it may.
export async function enrol(key, old) {
  const given = old ? { purpose: "rotate", replaces: old.keyId } : { purpose: "enrol" };
  const challenge = await call("POST", "/sign/keys/challenge", { spki: key.spki, ...given });
  const proof = {
    challenge_id: challenge.challenge_id,
    envelope: await signed(key, ENROL, ours(fromBase64(challenge.payload), key)),
  };
  if (old) {
    const handover = fromBase64(challenge.handover_payload);
    proof.handover = await signed(old, ENROL, ours(handover, old, `hand over to key ${key.keyId}`));
  }
  await call("POST", "/sign/keys", proof);
  for (let tries = 0; tries < 120; tries += 1) {
    const { keys } = await call("GET", "/sign/keys");
    const mine = keys.find((each) => each.key_id === key.keyId);
    if (mine?.state === (old ? "rotating" : "enrolled")) return mine;
    await pause(Math.min(200 + tries * 100, 2000));
  }
  throw new Error("key.not_logged");
}

// Stops a rotation with the signature of the key it would end.
export async function veto(key, rotation) {
  const payload = fromBase64(rotation.veto_payload);
  const envelope = await signed(key, VETO, ours(payload, key, `veto the rotation to key ${rotation.key_id}`));
  await call("POST", `/sign/rotations/${rotation.id}/veto`, envelope);
}

export const fingerprint = (keyId) => {
  const hex = [...fromBase64(keyId)].map((b) => b.toString(16).padStart(2, "0")).join("");
  return hex.toUpperCase().match(/.{4}/g).join(" ");
};
