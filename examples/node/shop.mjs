// An application that does nothing but log: node shop.mjs
import { follow } from "./autolog.mjs";

let verbose = false;
const log = (severity, text) => console.log(`${new Date().toISOString()} ${severity} shop: ${text}`);
follow((level) => { verbose = level !== null; });
setInterval(() => {
  log("INFO", "an order came in");
  if (verbose) log("DEBUG", "its basket, its prices, and what the warehouse said");
}, 200);
