// npm's smtp-server on two ports: node smtp_server.js CHAIN STARTTLS_PORT TLS_PORT
const fs = require("fs");
const { SMTPServer } = require("smtp-server");

const [chain, starttls, tls] = process.argv.slice(2);
// Without a key of its own the package silently presents a certificate that it ships.
const pem = fs.readFileSync(chain);

for (const [port, secure] of [[starttls, false], [tls, true]]) {
  const name = secure ? "tls" : "starttls";
  const log = (level) => (entry, message, ...args) =>
    console.log(name, level, require("util").format(message, ...args));
  const logger = { trace() {}, debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error"), fatal: log("fatal") };
  const server = new SMTPServer({ key: pem, cert: pem, secure, logger, disableReverseLookup: true });
  server.on("error", (error) => console.log(name, "failed", error.message));
  server.listen(Number(port), "127.0.0.1");
}
