package dispatch

import (
	"context"
	"log/slog"
)

// noTracer is the tracer of a server that keeps no traces.
type noTracer struct{}

func (noTracer) Start(ctx context.Context, _ string, _ ...slog.Attr) (context.Context, func(error)) {
	return ctx, func(error) {}
}

func (noTracer) Carry(context.Context) string { return "" }

func (noTracer) Resume(ctx context.Context, _ string) context.Context { return ctx }
