// Judges webhooks with standardwebhooks, which shares no code with ours.
// stdin:  [{secret, headers, body}]
// stdout: [{accepted, message}]
const { readFileSync } = require("node:fs");
const { Webhook } = require("standardwebhooks");

function judge({ secret, headers, body }) {
  try {
    new Webhook(secret).verify(body, headers);
    return { accepted: true, message: "" };
  } catch (why) {
    return { accepted: false, message: why.message };
  }
}

const cases = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(cases.map(judge)));
