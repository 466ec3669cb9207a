// Package main is an application that logs at DEBUG while autolog grants it: go run autolog.go
//
// Copy Follow. Environment: AUTOLOG_URL (unset: off), AUTOLOG_APP (or OTEL_SERVICE_NAME), AUTOLOG_ENVIRONMENT,
// AUTOLOG_TOKEN.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

type answer struct {
	Enabled   *bool  `json:"enabled"`
	Level     string `json:"level"`
	ExpiresIn *int64 `json:"expires_in_seconds"`
	Interval  *int64 `json:"poll_interval_seconds"`
}

type follower struct {
	level            *slog.LevelVar
	usual            slog.Level
	client           http.Client
	url, token, etag string
	deadline         time.Time // zero: no lease. Times of this process hold a monotonic clock
	interval         int64
	failures         int
}

// Follow polls until the context ends. A lease ends at its deadline by itself; errors neither start, extend nor end one.
func Follow(ctx context.Context, level *slog.LevelVar) {
	if os.Getenv("AUTOLOG_URL") == "" {
		return
	}
	app := cmp.Or(os.Getenv("AUTOLOG_APP"), os.Getenv("OTEL_SERVICE_NAME"))
	query := url.Values{"app": {app}, "environment": {os.Getenv("AUTOLOG_ENVIRONMENT")}}
	f := follower{level: level, usual: level.Level(), interval: 15, token: os.Getenv("AUTOLOG_TOKEN"),
		url: os.Getenv("AUTOLOG_URL") + "/api/autolog/check?" + query.Encode()}
	f.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer f.end()
	next := time.Now().Add(spread(5, 0, 1))
	for {
		wake := next
		if !f.deadline.IsZero() && f.deadline.Before(wake) {
			wake = f.deadline
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(wake)):
		}
		if !f.deadline.IsZero() && !time.Now().Before(f.deadline) {
			f.end()
			f.etag = "" // a 304 would say "as before", and that is over
		}
		next = time.Now().Add(f.poll(ctx))
	}
}

// poll asks once and tells how long to wait.
func (f *follower) poll(ctx context.Context) time.Duration {
	sent := time.Now() // before the request, so that our lease never ends later than the service's
	patience := sent.Add(5 * time.Second)
	if !f.deadline.IsZero() && f.deadline.Before(patience) {
		patience = f.deadline
	}
	ctx, cancel := context.WithDeadline(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return f.backOff(0)
	}
	if f.token != "" {
		request.Header.Set("Authorization", "Bearer "+f.token)
	}
	if f.etag != "" {
		request.Header.Set("If-None-Match", f.etag)
	}
	reply, err := f.client.Do(request)
	if err != nil {
		return f.backOff(0)
	}
	defer reply.Body.Close()
	switch reply.StatusCode {
	case http.StatusOK:
		var a answer
		if err := json.NewDecoder(reply.Body).Decode(&a); err != nil || a.Enabled == nil {
			return f.backOff(0)
		}
		f.etag = reply.Header.Get("ETag")
		f.accept(sent, a)
	case http.StatusNotModified:
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return spread(300, 0.9, 1.1)
	default:
		seconds, _ := strconv.ParseInt(reply.Header.Get("Retry-After"), 10, 64)
		return f.backOff(seconds)
	}
	f.failures = 0
	return spread(f.interval, 0.9, 1.1)
}

func (f *follower) accept(sent time.Time, a answer) {
	if a.Interval != nil {
		f.interval = min(max(*a.Interval, 5), 300)
	}
	lease := 3 * f.interval
	if a.ExpiresIn != nil {
		lease = min(*a.ExpiresIn, 4*3600)
	}
	if !*a.Enabled || lease <= 0 {
		f.end()
		return
	}
	f.deadline = sent.Add(time.Duration(lease) * time.Second)
	level := slog.LevelDebug
	if a.Level == "trace" {
		level -= 4
	}
	f.level.Set(min(f.usual, level)) // only ever more verbose
}

func (f *follower) end() {
	f.deadline = time.Time{}
	f.level.Set(f.usual)
}

func (f *follower) backOff(retryAfter int64) time.Duration {
	f.failures = min(f.failures+1, 5)
	pause := spread(min(f.interval<<f.failures, 300), 0.5, 1)
	return max(pause, time.Duration(min(retryAfter, 900))*time.Second)
}

func spread(seconds int64, from, to float64) time.Duration {
	return time.Duration(float64(seconds) * (from + rand.Float64()*(to-from)) * float64(time.Second))
}

func main() {
	var level slog.LevelVar // INFO
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: &level})))
	go Follow(context.Background(), &level)
	for range time.Tick(200 * time.Millisecond) {
		slog.Info("an order came in")
		slog.Debug("its basket, its prices, and what the warehouse said")
	}
}
