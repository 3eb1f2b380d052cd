// Preloaded: sends what is meant for JPush's hosts to the server under test. The
// clients have no option for it, and their addresses are constants
// (spec/rest-api.md §1.3). Nothing else of a request is touched.
const http = require('node:http');
const https = require('node:https');

const target = new URL(process.env.AURORA_URL);
https.request = function (options, callback) {
  const host = options.host ?? options.hostname;
  if (!/\.jpush\.cn$/.test(host)) throw new Error('this request would leave the machine: ' + host);
  const { agent, agentClass, defaultPort, protocol, ...rest } = options;
  return http.request({ ...rest, host: target.hostname, hostname: target.hostname, port: target.port }, callback);
};
