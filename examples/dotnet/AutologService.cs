using System.Diagnostics;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Hosting;

/// <summary>
/// Tells an application how verbosely to log. .NET 8 or newer, Microsoft.Extensions.Hosting only; works with any logger:
/// <c>builder.Services.AddHostedService(_ => new AutologService(level => …)); // "debug", "trace", or null: as usual</c>
/// Environment: AUTOLOG_URL (unset: off), AUTOLOG_APP (or OTEL_SERVICE_NAME), AUTOLOG_ENVIRONMENT, AUTOLOG_TOKEN.
/// </summary>
public sealed class AutologService(Action<string?> show) : BackgroundService
{
    private static readonly HttpClient Client = new(new SocketsHttpHandler { AllowAutoRedirect = false });
    private readonly string? _token = Environment.GetEnvironmentVariable("AUTOLOG_TOKEN");
    private string? _level, _etag;
    private double _deadline = double.PositiveInfinity, _interval = 15;
    private int _failures;

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        var address = Environment.GetEnvironmentVariable("AUTOLOG_URL");
        if (string.IsNullOrEmpty(address)) return;
        var name = Environment.GetEnvironmentVariable("AUTOLOG_APP");
        if (string.IsNullOrEmpty(name)) name = Environment.GetEnvironmentVariable("OTEL_SERVICE_NAME");
        var app = Uri.EscapeDataString(name!);
        var environment = Uri.EscapeDataString(Environment.GetEnvironmentVariable("AUTOLOG_ENVIRONMENT")!);
        var url = $"{address}/api/autolog/check?app={app}&environment={environment}";
        try
        {
            for (var next = Now() + Spread(5, 0, 1); ;)
            {
                await Task.Delay(TimeSpan.FromSeconds(Math.Max(0, Math.Min(next, _deadline) - Now())), stop);
                if (Now() >= _deadline)
                {
                    End();
                    _etag = null; // a 304 would say "as before", and that is over
                }
                try { next = Now() + await Poll(url, stop); }
                catch (Exception) when (!stop.IsCancellationRequested) { next = Now() + BackOff(0); }
            }
        }
        catch (OperationCanceledException) { }
        finally { End(); }
    }

    // Asks once and tells how long to wait. Errors neither start, extend nor end a lease.
    private async Task<double> Poll(string url, CancellationToken stop)
    {
        var sent = Now(); // before the request, so that our lease never ends later than the service's
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(TimeSpan.FromSeconds(Math.Clamp(_deadline - sent, 0.001, 5)));
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (!string.IsNullOrEmpty(_token)) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);
        if (_etag is not null) request.Headers.TryAddWithoutValidation("If-None-Match", _etag);
        using var reply = await Client.SendAsync(request, patience.Token);
        switch (reply.StatusCode)
        {
            case HttpStatusCode.OK:
                using (var body = JsonDocument.Parse(await reply.Content.ReadAsStringAsync(patience.Token)))
                    Accept(sent, body.RootElement, reply.Headers.ETag?.ToString());
                break;
            case HttpStatusCode.NotModified:
                break;
            case HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.NotFound:
                return Spread(300, 0.9, 1.1);
            default:
                return BackOff(reply.Headers.RetryAfter?.Delta?.TotalSeconds ?? 0);
        }
        _failures = 0;
        return Spread(_interval, 0.9, 1.1);
    }

    private void Accept(double sent, JsonElement answer, string? etag)
    {
        var enabled = answer.GetProperty("enabled").GetBoolean();
        double Number(string name, double otherwise) =>
            answer.TryGetProperty(name, out var value) ? value.GetDouble() : otherwise;
        _etag = etag;
        _interval = Math.Clamp(Number("poll_interval_seconds", _interval), 5, 300);
        var lease = Math.Min(Number("expires_in_seconds", 3 * _interval), 4 * 3600);
        if (!enabled || lease <= 0)
        {
            End();
            return;
        }
        _deadline = sent + lease;
        Set(answer.TryGetProperty("level", out var level) && level.GetString() == "trace" ? "trace" : "debug");
    }

    private void End()
    {
        _deadline = double.PositiveInfinity;
        Set(null);
    }

    private void Set(string? level)
    {
        if (level == _level) return;
        _level = level;
        show(level);
    }

    private double BackOff(double retryAfter)
    {
        _failures = Math.Min(_failures + 1, 5);
        return Math.Max(Spread(Math.Min(_interval * (1 << _failures), 300), 0.5, 1), Math.Min(retryAfter, 900));
    }

    private static double Spread(double seconds, double from, double to) =>
        seconds * (from + Random.Shared.NextDouble() * (to - from));

    private static double Now() => Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency; // monotonic
}
