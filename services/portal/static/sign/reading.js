// What one is about to sign, read from the very bytes that will be signed, and held against what the
// page was asked to sign. Whatever differs stops the signing.

import { fromBase64, fromBase64Url, readCanonical, sha256, toBase64Url, toHex, utf8 } from "./encoding.js";
import { statementId } from "./dsse.js";

const must = (true_, code) => {
  if (!true_) throw new Error(code);
};

// Opens the disclosures whose digests stand in a signed `_sd` array; one that is not of it stops us.
export async function opened(array, texts) {
  const known = new Set(array._sd);
  const found = [];
  for (const text of texts ?? []) {
    must(known.has(toBase64Url(await sha256(utf8(text)))), "disclosure.unknown");
    found.push(readCanonical(fromBase64Url(text))[2]);
  }
  return found;
}

async function document_(prepared, kind, digest) {
  const text = prepared.documents[`${digest}.${kind}.json`];
  must(text, "content.missing");
  const bytes = fromBase64(text);
  must(toHex(await sha256(bytes)) === digest, `${kind}.digest`);
  return readCanonical(bytes);
}

async function answersOf(prepared, id, digest) {
  const given = await document_(prepared, "answers", digest);
  return opened(given, prepared.disclosures[id]?.answers);
}

async function readersOf(prepared, id, audience) {
  if (audience === "public") return ["public"];
  return (await opened(audience, prepared.disclosures[id]?.audience)).map((each) => each.org);
}

export async function read(prepared, key, facts) {
  const statements = [];
  const readers = new Set();
  let declaration = null;
  for (const given of prepared.statements) {
    const payload = fromBase64(given.payload);
    const said = readCanonical(payload);
    const id = await statementId(payload);
    must(id === given.statement_id, "statement.id");
    const predicate = said.predicate;
    must(predicate.signer.keyId === key.keyId, "signer.key_mismatch");
    must(predicate.signer.org === `urn:rensho:org:${facts.org}`, "signer.org_mismatch");
    must(predicate.response.id === facts.response_id, "response.mixed");
    const subject = said.subject[0].digest.sha256;
    const one = { id, type: given.type, role: predicate.signer.role, readers: [] };
    one.readers = await readersOf(prepared, id, predicate.audience);
    one.readers.forEach((each) => readers.add(each));
    if (given.type === "ai-governance") {
      one.component = (await document_(prepared, "descriptor", subject)).name;
      one.answers = await answersOf(prepared, id, predicate.answers.sha256);
    } else {
      must(given.type === "declaration" && !declaration, "statement.type");
      declaration = await document_(prepared, "declaration", subject);
      one.answers = await answersOf(prepared, id, declaration.answers.sha256);
    }
    statements.push(one);
  }
  must(declaration, "response.incomplete");
  const listed = declaration.components.map((each) => each.statement).sort();
  const signed = statements.filter((each) => each.type === "ai-governance").map((each) => each.id);
  must(JSON.stringify(listed) === JSON.stringify(signed.sort()), "response.mixed");
  must(readers.size === 1 && readers.has(`urn:rensho:org:${facts.requester_org}`), "context.audience");
  return { statements, declaration };
}
