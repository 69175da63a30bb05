package tracing

import (
	"context"
	"math/rand/v2"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Sampling says which traces are sampled.
type Sampling struct {
	Ratio        float64 // of the traces that begin here, from 0 to 1
	IgnoreParent bool    // the ratio counts as well for calls whose traceparent says whether their trace is sampled
}

// sampler decides by who asks.
type sampler struct {
	sdk.Sampler
	ratio float64
}

func newSampler(s Sampling) sampler {
	by := sdk.TraceIDRatioBased(s.Ratio)
	if !s.IgnoreParent {
		by = sdk.ParentBased(by)
	}
	return sampler{by, s.Ratio}
}

// ShouldSample implements sdk.Sampler. Strangers choose the trace IDs and flags that they send, so for those neither counts: a page could
// have all of its traces sampled.
func (s sampler) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	if parent := trace.SpanContextFromContext(p.ParentContext); !parent.IsRemote() || p.ParentContext.Value(strangerKey{}) == nil {
		return s.Sampler.ShouldSample(p)
	}
	result := sdk.SamplingResult{Decision: sdk.Drop}
	if rand.Float64() < s.ratio {
		result.Decision = sdk.RecordAndSample
	}
	return result
}

type strangerKey struct{}

// ofStranger marks a context whose parent is one that a stranger has sent.
func ofStranger(ctx context.Context) context.Context {
	return context.WithValue(ctx, strangerKey{}, true)
}
