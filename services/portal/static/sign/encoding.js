// Bytes, base64, hex and RFC 8785: what is signed is made here, in the browser, from first bytes.

const text = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const utf8 = (value) => text.encode(value);

export function fromBase64(value) {
  const bytes = Uint8Array.from(atob(value), (c) => c.charCodeAt(0));
  if (toBase64(bytes) !== value) throw new Error("base64.not_canonical");
  return bytes;
}

export function toBase64(bytes) {
  let out = "";
  for (const byte of bytes) out += String.fromCharCode(byte);
  return btoa(out);
}

export const toBase64Url = (bytes) =>
  toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

export const fromBase64Url = (value) => {
  const plain = value.replaceAll("-", "+").replaceAll("_", "/");
  return fromBase64(plain + "=".repeat((4 - (plain.length % 4)) % 4));
};

export const toHex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

// RFC 8785. JSON.stringify already writes numbers and escapes as the RFC asks; what is left is the
// order of names, by UTF-16 units, and refusing half characters and numbers nobody reads alike.
export function canonical(value) {
  if (value === null || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new Error("json.bad_number");
    return JSON.stringify(value);
  }
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new Error("json.not_utf8");
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${canonical(name)}:${canonical(value[name])}`).join(",")}}`;
}

// Reads JSON and accepts it only if our own canonical writing of it gives the very same bytes: so
// nothing is in the bytes that this page did not see (doubled names, other spellings).
export function readCanonical(bytes) {
  const value = JSON.parse(strict.decode(bytes));
  const again = utf8(canonical(value));
  if (again.length !== bytes.length || !again.every((b, i) => b === bytes[i])) {
    throw new Error("statement.not_canonical");
  }
  return value;
}
