// Judges bundles with @sigstore/verify, which shares no code with ours.
// stdin:  [{bundle, trustedRoot, keys: {hint: PEM}, timestamps: n}]
// stdout: [{accepted, code, message}]
const { createPublicKey } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { bundleFromJSON } = require("@sigstore/bundle");
const { TrustedRoot } = require("@sigstore/protobuf-specs");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

function judge({ bundle, trustedRoot, keys, timestamps }) {
  try {
    const finder = (hint) => {
      if (!(hint in keys)) throw new Error(`no key is named ${hint}`);
      return { publicKey: createPublicKey(keys[hint]), validFor: () => true };
    };
    const trust = toTrustMaterial(TrustedRoot.fromJSON(trustedRoot), finder);
    const verifier = new Verifier(trust, { tlogThreshold: 1, timestampThreshold: timestamps });
    verifier.verify(toSignedEntity(bundleFromJSON(bundle)));
    return { accepted: true, code: "", message: "" };
  } catch (why) {
    return { accepted: false, code: why.code ?? why.name, message: why.message };
  }
}

const cases = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(cases.map(judge)));
