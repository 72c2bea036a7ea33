// Resolves console.tim.qq.com to 127.0.0.1 if RESOLVE_TO is set; returns the base URL, with that port.
const dns = require("node:dns");

const port = process.env.RESOLVE_TO;
if (port) {
  const system = dns.lookup;
  dns.lookup = (host, options, callback) => {
    if (host !== "console.tim.qq.com") return system(host, options, callback);
    const found = { address: "127.0.0.1", family: 4 };
    process.nextTick(() => (options.all ? callback(null, [found]) : callback(null, found.address, 4)));
  };
}
module.exports = `https://console.tim.qq.com${port ? `:${port}` : ""}`;
