// Checks the syntax of TraceQL with the grammar that Grafana uses.
//
//     node tests/stack/traceql.mjs PACKAGES <EXPRESSIONS.json  [{"name": …, "expr": …}, …]
//
// PACKAGES is the folder that `scripts/tools.sh logql` prints. Prints a line for each mistake; the exit code tells.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { parser } = createRequire(`${process.argv[2]}/`)("@grafana/lezer-traceql");

/** Tells whether the grammar takes an expression as it is. */
function parses(expr) {
  let mistakes = 0;
  parser.parse(expr).iterate({ enter: (node) => void (mistakes += node.type.isError) });
  return mistakes === 0;
}

// A grammar that takes everything would prove nothing.
for (const broken of ["{ status = error", "{ name = }", "{} | select("]) {
  if (parses(broken)) throw new Error(`the grammar takes ${broken}`);
}

const expressions = JSON.parse(readFileSync(0, "utf8"));
if (expressions.length === 0) throw new Error("no expressions were given");
const wrong = expressions.filter(({ expr }) => !parses(expr));
for (const { name, expr } of wrong) console.error(`traceql: ${name}: ${expr}`);
process.exit(wrong.length === 0 ? 0 : 1);
