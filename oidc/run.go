package oidc

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	refreshEvery = 24 * time.Hour
	refreshFirst = time.Hour // after the start, and up to as much again, so that replicas don't ask at once
)

// Run does the handler's regular work until ctx ends, and returns ctx's error: at each interval (zero means
// DefaultRevokerInterval), and whenever
// [Handler.Wake] is called, it ends the sessions of people who lost access (see [Revoker]; with Config.Sessions), and once
// a day it looks at the documents of all providers (see [Handler.RefreshProviders]). Every replica may run it.
func (h *Handler) Run(ctx context.Context, interval time.Duration) error {
	if h.revoker == nil {
		return h.refreshDaily(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	var refreshing sync.WaitGroup
	refreshing.Go(func() { _ = h.refreshDaily(ctx) })
	err := h.revoker.Run(ctx, interval)
	cancel()
	refreshing.Wait()
	return err
}

// Wake makes [Handler.Run] look now whether somebody lost access. Call it after a commit that ends somebody's access, such
// as from scim.Config.Written. It never blocks.
func (h *Handler) Wake() {
	if h.revoker != nil {
		h.revoker.Wake()
	}
}

func (h *Handler) refreshDaily(ctx context.Context) error {
	wait := refreshFirst + rand.N(refreshFirst)
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		wait = refreshEvery
		report, err := h.RefreshProviders(ctx)
		if err != nil && ctx.Err() == nil {
			h.log.LogAttrs(ctx, slog.LevelError, "oidc: the providers' documents could not all be read", slog.Any("error", err),
				slog.Int("connections", report.Connections))
		}
	}
}
