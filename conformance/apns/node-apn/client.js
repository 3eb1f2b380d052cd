// Drives @parse/node-apn through a job file of the conformance run and prints a
// line for each result.
const fs = require('node:fs');
const apn = require('@parse/node-apn');

const options = { production: true };
const pushes = [];
for (const line of fs.readFileSync(process.argv[2], 'utf8').split('\n')) {
  const [kind, ...f] = line.split('\t');
  if (kind === 'gateway') Object.assign(options, { address: f[0], port: Number(f[1]), ca: f[2] });
  if (kind === 'p12') Object.assign(options, { pfx: f[0], passphrase: f[1] });
  if (kind === 'p8') options.token = { key: f[0], keyId: f[1], teamId: f[2] };
  if (kind === 'push') pushes.push(f);
}

function notification([id, , topic, pushType, priority, expiration, collapseId, payload]) {
  const n = new apn.Notification();
  n.rawPayload = JSON.parse(payload);
  Object.assign(n, { id, topic, pushType, priority: Number(priority) });
  if (expiration !== '0') n.expiry = Number(expiration);
  if (collapseId) n.collapseId = collapseId;
  return n;
}

async function main() {
  const provider = new apn.Provider(options);
  const report = (...fields) => process.stdout.write(['result', ...fields].join('\t') + '\n');
  // All at once: the library leaves the pace to the HTTP/2 session.
  const send = indexes =>
    Promise.all(indexes.map(async i => {
      const push = pushes[i];
      const { sent, failed } = await provider.send(notification(push), push[1]);
      if (sent.length > 0) {
        report(i, 200, '', 0, sent[0]['apns-id'] ?? '', sent[0]['apns-unique-id'] ?? '', '');
        return;
      }
      const { status, response, error } = failed[0];
      const words = error ? String(error.message).replace(/\s+/g, ' ') : '';
      const reason = response?.reason ?? (Number.isInteger(status) ? words : '');
      if (!Number.isInteger(status)) unanswered.push(i);
      report(i, Number.isInteger(status) ? status : 0, reason, response?.timestamp ?? 0, failed[0]['apns-id'] ?? '', failed[0]['apns-unique-id'] ?? '', words);
    }));
  let unanswered = [];
  await send([...pushes.keys()]);
  const again = unanswered;
  await send(again);
  provider.shutdown();
}

main();
