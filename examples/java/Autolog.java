import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * Tells an application how verbosely to log. Java 17 or newer, no dependencies; works with any logger:
 *
 * <pre>Autolog.follow(System.getenv(), level -> …);    // "debug", "trace", or null: as usual</pre>
 *
 * Environment: AUTOLOG_URL (unset: off), AUTOLOG_APP (or OTEL_SERVICE_NAME), AUTOLOG_ENVIRONMENT, AUTOLOG_TOKEN.
 */
public final class Autolog implements Runnable {
    private static final Pattern ENDPOINTS = Pattern.compile("\"endpoints\":\\[[^\\]]*\\]");
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    private final URI uri;
    private final String token;
    private final Consumer<String> show;
    private String level;
    private String etag;
    private double deadline = Double.POSITIVE_INFINITY;
    private double interval = 15;
    private int failures;

    private Autolog(Map<String, String> env, Consumer<String> show) {
        String app = env.getOrDefault("AUTOLOG_APP", env.get("OTEL_SERVICE_NAME"));
        this.uri = URI.create(env.get("AUTOLOG_URL") + "/api/autolog/check?app=" + encode(app)
            + "&environment=" + encode(env.get("AUTOLOG_ENVIRONMENT")));
        this.token = env.get("AUTOLOG_TOKEN");
        this.show = show;
    }

    /** Starts a thread that polls. A lease ends at its deadline by itself; errors neither start, extend nor end one. */
    public static void follow(Map<String, String> env, Consumer<String> show) {
        if (env.get("AUTOLOG_URL") == null) {
            return;
        }
        Thread thread = new Thread(new Autolog(env, show), "autolog");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void run() {
        double next = now() + spread(5, 0, 1);
        while (true) {
            try {
                Thread.sleep((long) Math.ceil(1000 * Math.max(0, Math.min(next, deadline) - now())));
                if (now() >= deadline) {
                    end();
                    etag = null; // a 304 would say "as before", and that is over
                }
                next = now() + poll();
            } catch (InterruptedException stop) {
                end();
                return;
            } catch (Exception failed) {
                next = now() + backOff(0);
            }
        }
    }

    /** Asks once and tells how long to wait. */
    private double poll() throws Exception {
        double sent = now(); // before the request, so that our lease never ends later than the service's
        long patience = (long) Math.max(1, 1000 * Math.min(5, deadline - sent));
        HttpRequest.Builder request = HttpRequest.newBuilder(uri);
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        if (etag != null) {
            request.header("If-None-Match", etag);
        }
        // A request's own timeout ends with the headers: a body that stalls must not outlast the lease.
        var exchange = client.sendAsync(request.build(), HttpResponse.BodyHandlers.ofString());
        HttpResponse<String> reply;
        try {
            reply = exchange.get(patience, TimeUnit.MILLISECONDS);
        } finally {
            exchange.cancel(true);
        }
        switch (reply.statusCode()) {
            case 200 -> accept(sent, reply);
            case 304 -> { }
            case 401, 403, 404 -> { return spread(300, 0.9, 1.1); }
            default -> { return backOff(reply.headers().firstValue("Retry-After").map(Double::valueOf).orElse(0.0)); }
        }
        failures = 0;
        return spread(interval, 0.9, 1.1);
    }

    private void accept(double sent, HttpResponse<String> reply) {
        String body = ENDPOINTS.matcher(reply.body()).replaceAll(""); // with a JSON library at hand, use that
        boolean enabled = field(body, "enabled", "(true|false)").equals("true");
        etag = reply.headers().firstValue("ETag").orElse(null);
        interval = Math.min(Math.max(number(body, "poll_interval_seconds", interval), 5), 300);
        double lease = Math.min(number(body, "expires_in_seconds", 3 * interval), 4 * 3600);
        if (!enabled || lease <= 0) {
            end();
            return;
        }
        deadline = sent + lease;
        set(body.contains("\"level\":\"trace\"") ? "trace" : "debug");
    }

    private void end() {
        deadline = Double.POSITIVE_INFINITY;
        set(null);
    }

    private void set(String next) {
        if (next == null ? level != null : !next.equals(level)) {
            level = next;
            show.accept(next);
        }
    }

    private double backOff(double retryAfter) {
        failures = Math.min(failures + 1, 5);
        return Math.max(spread(Math.min(interval * (1 << failures), 300), 0.5, 1), Math.min(retryAfter, 900));
    }

    private static String field(String body, String name, String value) {
        var found = Pattern.compile('"' + name + "\":\\s*" + value).matcher(body);
        if (!found.find()) {
            throw new IllegalArgumentException("no " + name);
        }
        return found.group(1);
    }

    private static double number(String body, String name, double otherwise) {
        return body.contains('"' + name + '"') ? Double.parseDouble(field(body, name, "([0-9]+)")) : otherwise;
    }

    private static double spread(double seconds, double from, double to) {
        return seconds * ThreadLocalRandom.current().nextDouble(from, to);
    }

    private static double now() {
        return System.nanoTime() / 1e9; // monotonic
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    /** An application that does nothing but log: java Autolog.java */
    public static void main(String[] arguments) throws InterruptedException {
        var logger = java.util.logging.Logger.getLogger("shop");
        java.util.logging.Logger.getLogger("").getHandlers()[0].setLevel(java.util.logging.Level.ALL);
        follow(System.getenv(), level -> logger.setLevel(level == null ? null : java.util.logging.Level.FINE));
        while (true) {
            logger.info("INFO an order came in");
            logger.fine("DEBUG its basket, its prices, and what the warehouse said");
            Thread.sleep(200);
        }
    }
}
