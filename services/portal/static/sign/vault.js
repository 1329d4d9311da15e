// The key of this browser: P-256, made here, not extractable, kept in IndexedDB per organization.
// Nobody, this page included, can read the private part; it can only be used, here.
// While a rotation waits two are here: the one that signs and may object, and its heir.

import { sha256, toBase64 } from "./encoding.js";

const STORE = "signing-keys";

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("rensho", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "org" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function within(mode, work) {
  const db = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = db.transaction(STORE, mode);
      const asked = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    db.close();
  }
}

export const find = (org) => within("readonly", (store) => store.get(org));

export const forget = (org) => within("readwrite", (store) => store.delete(org));

const slot = (org) => `${org}/heir`;

const put = (key) => within("readwrite", (store) => store.put(key));

export async function heir(org) {
  const found = await find(slot(org));
  return found && { ...found, org };
}

// The key to sign with: the heir takes its place once the log has it, and goes where it came to nothing.
export async function current(org, listed) {
  const next = await heir(org);
  const state = next && listed.find((each) => each.key_id === next.keyId)?.state;
  if (state === "enrolled") await put(next);
  if (["enrolled", "vetoed", "lapsed", "refused", "revoked"].includes(state)) await forget(slot(org));
  return find(org);
}

export async function make(org, { asHeir = false } = {}) {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const pair = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const key = {
    org,
    keyId: toBase64(await sha256(spki)),
    spki: toBase64(spki),
    privateKey: pair.privateKey,
    publicKey: pair.publicKey,
    madeAt: new Date().toISOString(),
  };
  await put({ ...key, org: asHeir ? slot(org) : org });
  // Ask the browser not to clear it when the disk runs full; it may say no.
  await navigator.storage?.persist?.();
  return key;
}
