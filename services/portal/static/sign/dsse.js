// DSSE 1.0.2 envelopes signed with a P-256 key of this browser (attestation profile, sections 1, 3).

import { fromBase64, sha256, toBase64, toHex, utf8 } from "./encoding.js";

export const INTOTO = "application/vnd.in-toto+json";
export const ENROL = "application/vnd.rensho.enrol-challenge.v1+json";
export const VETO = "application/vnd.rensho.key-veto.v1+json";

// Pre-authentication encoding: type and length stand in the signed bytes, so a payload can never
// be taken for one of another type.
export function pae(payloadType, payload) {
  const head = utf8(`DSSEv1 ${utf8(payloadType).length} ${payloadType} ${payload.length} `);
  const out = new Uint8Array(head.length + payload.length);
  out.set(head);
  out.set(payload, head.length);
  return out;
}

export const statementId = async (payload) => toHex(await sha256(pae(INTOTO, payload)));

// WebCrypto gives r and s side by side (IEEE P1363); everybody else reads DER (X.690, strict):
// INTEGERs without leading zeros, one zero kept where the first bit would make them negative.
export function der(raw) {
  const integer = (bytes) => {
    let start = 0;
    while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
    const body = [...bytes.slice(start)];
    if (body[0] & 0x80) body.unshift(0);
    return [0x02, body.length, ...body];
  };
  const half = raw.length / 2;
  const body = [...integer(raw.slice(0, half)), ...integer(raw.slice(half))];
  return Uint8Array.from([0x30, body.length, ...body]);
}

export async function signed(key, payloadType, payload) {
  const algorithm = { name: "ECDSA", hash: "SHA-256" };
  const raw = await crypto.subtle.sign(algorithm, key.privateKey, pae(payloadType, payload));
  return {
    payload: toBase64(payload),
    payloadType,
    signatures: [{ sig: toBase64(der(new Uint8Array(raw))) }],
  };
}

// A Sigstore bundle v0.3 that names its key by hint; the log's entry comes later, from the log.
export async function bundle(key, payload64) {
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: { publicKey: { hint: key.keyId } },
    dsseEnvelope: await signed(key, INTOTO, fromBase64(payload64)),
  };
}
