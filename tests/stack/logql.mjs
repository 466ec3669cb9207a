// Checks the syntax of LogQL with the grammar that Grafana uses, which is made from Loki's.
//
//     node tests/stack/logql.mjs PACKAGES RULES.yml…           every expression of alert rules
//     node tests/stack/logql.mjs PACKAGES - <EXPRESSIONS.json  [{"name": …, "expr": …}, …]
//
// PACKAGES is the folder that `scripts/tools.sh logql` prints. Prints a line for each mistake; the exit code tells.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [packages, ...files] = process.argv.slice(2);
const require = createRequire(`${packages}/`);
const { parser } = require("@grafana/lezer-logql");
const yaml = require("yaml");

function expressions(file) {
  if (file === "-") return JSON.parse(readFileSync(0, "utf8"));
  const { groups } = yaml.parse(readFileSync(file, "utf8"));
  return groups.flatMap((group) => group.rules.map((rule) => ({ name: rule.alert ?? rule.record, expr: rule.expr })));
}

/** Returns what is wrong with an expression, with the text at that place. */
function mistakes(expr) {
  const found = [];
  parser.parse(expr).iterate({
    enter: (node) => {
      if (node.type.isError) found.push(expr.slice(Math.max(0, node.from - 20), node.to + 20).replace(/\s+/g, " "));
    },
  });
  return found;
}

// A grammar that takes everything would prove nothing.
const BROKEN = ['sum(rate({a="b"}[5m])', 'sum(rate({a="b"} offset 1h [5m]))', '{a="b"} |= | json', "1 > > 1"];
for (const broken of BROKEN) {
  if (mistakes(broken).length === 0) throw new Error(`the grammar takes ${broken}`);
}

let count = 0;
let failed = 0;
for (const { name, expr } of files.flatMap(expressions)) {
  count += 1;
  for (const near of mistakes(expr)) {
    failed += 1;
    console.error(`logql: ${name}: near «${near}»`);
  }
}
if (count === 0) throw new Error("no expressions were given");
console.log(`checked the syntax of ${count} LogQL expressions`);
process.exit(failed === 0 ? 0 : 1);
