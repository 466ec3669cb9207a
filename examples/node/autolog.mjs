// Tells an application how verbosely to log. Node 18 or newer, no dependencies; works with any logger:
//
//     import { follow } from "./autolog.mjs";
//     follow((level) => { logger.level = level ?? "info"; });    // "debug", "trace", or null: as usual
//
// Environment: AUTOLOG_URL (unset: off), AUTOLOG_APP (or OTEL_SERVICE_NAME), AUTOLOG_ENVIRONMENT, AUTOLOG_TOKEN.
import { setTimeout as sleep } from "node:timers/promises";

const spread = (seconds, from, to) => seconds * (from + Math.random() * (to - from));
const now = () => performance.now() / 1000; // monotonic

/** Polls until `signal` aborts. A lease ends at its deadline by itself; errors neither start, extend nor end one. */
export async function follow(show, env = process.env, signal = undefined) {
  if (!env.AUTOLOG_URL) return;
  const url = new URL("/api/autolog/check", env.AUTOLOG_URL);
  const app = env.AUTOLOG_APP || env.OTEL_SERVICE_NAME;
  url.search = new URLSearchParams({ app, environment: env.AUTOLOG_ENVIRONMENT });
  let level = null, deadline = Infinity, etag = null, interval = 15, failures = 0;
  const set = (next) => { if (next !== level) show(level = next); };
  const backOff = (retryAfter = 0) => {
    failures = Math.min(failures + 1, 5);
    return Math.max(spread(Math.min(interval * 2 ** failures, 300), 0.5, 1), Math.min(retryAfter, 900));
  };

  async function poll() {
    const sent = now(); // before the request, so that our lease never ends later than the service's
    const headers = { ...(env.AUTOLOG_TOKEN && { Authorization: `Bearer ${env.AUTOLOG_TOKEN}` }),
                      ...(etag && { "If-None-Match": etag }) };
    const patience = Math.max(0.001, Math.min(5, deadline - sent)) * 1000;
    const reply = await fetch(url, { headers, redirect: "manual", signal: AbortSignal.timeout(Math.ceil(patience)) });
    if ([401, 403, 404].includes(reply.status)) return spread(300, 0.9, 1.1);
    if (reply.status !== 200 && reply.status !== 304) return backOff(Number(reply.headers.get("retry-after")) || 0);
    if (reply.status === 200) {
      const answer = await reply.json();
      if (typeof answer?.enabled !== "boolean") throw new Error("not an answer to check");
      etag = reply.headers.get("etag");
      interval = Math.min(Math.max(answer.poll_interval_seconds ?? interval, 5), 300);
      const lease = Math.min(answer.expires_in_seconds ?? 3 * interval, 4 * 3600);
      deadline = answer.enabled ? sent + lease : Infinity;
      set(answer.enabled && lease > 0 ? (answer.level === "trace" ? "trace" : "debug") : null);
    }
    failures = 0;
    return spread(interval, 0.9, 1.1);
  }

  let next = now() + spread(5, 0, 1);
  while (!signal?.aborted) {
    await sleep(Math.max(0, Math.min(next, deadline) - now()) * 1000, null, { ref: false });
    if (now() >= deadline) { set(null); deadline = Infinity; etag = null; }
    next = now() + await poll().catch(() => backOff());
  }
  set(null);
}
