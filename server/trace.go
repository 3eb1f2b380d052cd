package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// tracer sends spans to an OpenTelemetry collector. Without a place to send
// them to, it records nothing and costs next to nothing.
type tracer struct {
	provider *sdk.TracerProvider // nil without a collector
	spans    trace.Tracer
	carrier  propagation.TraceContext
}

// newTracer returns a tracer for the collector at endpoint, an OTLP/HTTP base
// URL such as http://localhost:4318; "" means none. ratio of the requests that
// come without a trace of their own are traced: 0 to 1.
func newTracer(ctx context.Context, endpoint string, ratio float64, logger *slog.Logger) (*tracer, error) {
	if endpoint == "" {
		return &tracer{}, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("--otlp %q is not a collector: give http://host:4318", endpoint)
	}
	if ratio < 0 || ratio > 1 {
		return nil, errors.New("--trace-ratio must be 0 to 1")
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.JoinPath("v1", "traces").String()))
	if err != nil {
		return nil, fmt.Errorf("--otlp: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn("traces could not be delivered", "error", err) }))
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(ratio))),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "aurora"))),
	)
	return &tracer{provider: provider, spans: provider.Tracer("aurora")}, nil
}

// Start implements dispatch.Tracer.
func (t *tracer) Start(ctx context.Context, name string, attributes ...slog.Attr) (context.Context, func(error)) {
	if t.provider == nil {
		return ctx, func(error) {}
	}
	ctx, span := t.spans.Start(ctx, name)
	if span.IsRecording() {
		for _, a := range attributes {
			span.SetAttributes(attribute.String(a.Key, a.Value.String()))
		}
	}
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

// Carry implements dispatch.Tracer.
func (t *tracer) Carry(ctx context.Context) string {
	if t.provider == nil {
		return ""
	}
	into := propagation.MapCarrier{}
	t.carrier.Inject(ctx, into)
	return into["traceparent"]
}

// Resume implements dispatch.Tracer.
func (t *tracer) Resume(ctx context.Context, carried string) context.Context {
	if t.provider == nil || carried == "" {
		return ctx
	}
	return t.carrier.Extract(ctx, propagation.MapCarrier{"traceparent": carried})
}

// request begins the span of a REST request, in the caller's trace if it sent
// one (W3C Trace Context).
func (t *tracer) request(r *http.Request, route string) (context.Context, func(status int)) {
	if t.provider == nil {
		return r.Context(), func(int) {}
	}
	ctx := t.carrier.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.spans.Start(ctx, r.Method+" "+route, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", route)))
	return ctx, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= 500 {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
	}
}

// flushTime bounds how long a stopping server waits for its collector.
const flushTime = 3 * time.Second

// close sends what is left.
func (t *tracer) close(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("the last spans were not delivered: %w", err)
	}
	return nil
}
