package config

import (
	"log/slog"
	"slices"

	"scenecast/tracing"
)

// Tracing says where spans go, and of which traces. What is empty is as the variables OTEL_… say.
type Tracing struct {
	Endpoint    CollectorURL `yaml:"endpoint"`
	SampleRatio Ratio        `yaml:"sample_ratio"`
	Headers     Secret       `yaml:"headers"` // name=value,name=value
	ServiceName string       `yaml:"service_name"`
}

// CollectorURL is the base URL of a collector of OTLP. It prints without what may be secret in it, in a log as well; string(u) has it.
type CollectorURL string

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *CollectorURL) UnmarshalText(text []byte) error {
	if len(text) > 0 {
		if _, err := tracing.ParseEndpoint(string(text)); err != nil {
			return err // without the text, which may hold a secret
		}
	}
	*u = CollectorURL(text)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (u CollectorURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// String implements fmt.Stringer.
func (u CollectorURL) String() string { return withoutSecrets(string(u)) }

// GoString implements fmt.GoStringer.
func (u CollectorURL) GoString() string { return u.String() }

// LogValue implements slog.LogValuer.
func (u CollectorURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// Ratio is a number from 0 to 1, as it was written; empty: none was.
type Ratio string

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Ratio) UnmarshalText(text []byte) error {
	if len(text) > 0 {
		if _, err := tracing.ParseRatio(string(text)); err != nil {
			return err
		}
	}
	*r = Ratio(text)
	return nil
}

// AccessLog says where a line for each call and each page goes.
type AccessLog struct {
	To     string `yaml:"to"`     // AccessStdout, AccessStderr, or the path of a file; empty: there is none
	Format string `yaml:"format"` // text or json
}

// What the access log goes to besides files.
const (
	AccessStdout = "stdout"
	AccessStderr = "stderr"
)

// checkTracing finds what is wrong with what is told about calls.
func (d *decoder) checkTracing(c *Config) {
	if _, err := tracing.ParseHeaders(string(c.Tracing.Headers)); err != nil {
		d.wrong("tracing.headers", "%v", err)
	}
	if !slices.Contains([]string{"text", "json"}, c.AccessLog.Format) {
		d.wrong("access_log.format", "%q is no format; the formats are text and json", c.AccessLog.Format)
	}
}
