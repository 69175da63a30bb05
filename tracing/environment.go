package tracing

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"scenecast/language"
)

// DefaultRatio is that of traces that are sampled where nothing says another one.
const DefaultRatio = 0.01

// tracesPath is what stands behind the base URL of a collector (OTLP, "OTLP/HTTP Request").
const tracesPath = "/v1/traces"

// ParseEndpoint is the URL for traces of a collector at a base URL, as of http://127.0.0.1:4318; one that ends in /v1/traces is that already.
func ParseEndpoint(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
		return "", language.Errorf("is no URL of a collector; write it as http://127.0.0.1:4318")
	}
	if !strings.HasSuffix(u.Path, tracesPath) {
		u.Path = strings.TrimSuffix(u.Path, "/") + tracesPath
	}
	return u.String(), nil
}

// ParseHeaders reads headers in the form of OTEL_EXPORTER_OTLP_HEADERS: name=value,name=value, percent-encoded. Errors do not quote values.
func ParseHeaders(text string) (map[string]string, error) {
	headers := make(map[string]string)
	for i, pair := range strings.Split(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			return nil, language.Errorf("the header %d is none; write them as name=value,name=value, percent-encoded", i+1)
		}
		headers[http.CanonicalHeaderKey(name)] = value
	}
	return headers, nil
}

func isToken(name string) bool {
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return name != ""
}

// Given are settings as a configuration has them. What is empty is as the environment says.
type Given struct {
	Endpoint    string // a base URL
	SampleRatio string // a number from 0 to 1
	Headers     string // as ParseHeaders takes them
	ServiceName string
}

// Resolve makes the settings of a configuration and of the variables OTEL_… of the OpenTelemetry specification. A setting stands over a
// variable. The result is nil where neither names a collector, or OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER=none turn it off that a variable
// names. Warnings tell of variables that cannot be read or have no effect, which are then as if they were not there.
func Resolve(g Given, getenv func(string) string) (s *Settings, warnings []string) {
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	s = &Settings{ServiceName: g.ServiceName, Headers: make(map[string]string)}
	if g.Endpoint != "" {
		s.URL, _ = ParseEndpoint(g.Endpoint) // it has been checked
	} else {
		s.URL = endpointOf(getenv, warn)
	}
	if s.URL == "" {
		return nil, warnings
	}
	if protocol := first(getenv, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"); protocol != "" && protocol != "http/json" {
		warn("the OTLP protocol of the environment is %.40q, and spans are sent as http/json, which every collector takes on the same port as http/protobuf", protocol)
	}
	headers := g.Headers
	if headers == "" {
		headers = getenv("OTEL_EXPORTER_OTLP_HEADERS")
		if of := getenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS"); of != "" {
			headers += "," + of
		}
	}
	read, err := ParseHeaders(headers)
	if err != nil {
		warn("OTEL_EXPORTER_OTLP_HEADERS: %v", err)
	} else {
		s.Headers = read
	}
	if ms := first(getenv, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"); ms != "" {
		if n, err := strconv.Atoi(ms); err == nil && n > 0 {
			s.Timeout = time.Duration(n) * time.Millisecond
		} else {
			warn("OTEL_EXPORTER_OTLP_TIMEOUT: %.40q is no number of milliseconds", ms)
		}
	}
	s.Sampling = samplingOf(g.SampleRatio, getenv, warn)
	return s, warnings
}

// endpointOf is the URL that the environment names; empty: none.
func endpointOf(getenv func(string) string, warn func(string, ...any)) string {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") || getenv("OTEL_TRACES_EXPORTER") == "none" {
		return ""
	}
	if traces := getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"); traces != "" { // used as it is
		if _, err := ParseEndpoint(traces); err != nil {
			warn("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT %v", err)
			return ""
		}
		return traces
	}
	base := getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	if base == "" {
		return ""
	}
	u, err := ParseEndpoint(base)
	if err != nil {
		warn("OTEL_EXPORTER_OTLP_ENDPOINT %v", err)
	}
	return u
}

// ParseRatio reads a number from 0 to 1.
func ParseRatio(text string) (float64, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		return 0, language.Errorf("%.40q is no ratio; it is a number from 0 to 1, as 0.01", text)
	}
	return f, nil
}

func samplingOf(setting string, getenv func(string) string, warn func(string, ...any)) Sampling {
	if setting != "" {
		ratio, _ := ParseRatio(setting) // it has been checked
		return Sampling{Ratio: ratio}
	}
	by := getenv("OTEL_TRACES_SAMPLER")
	s := Sampling{Ratio: DefaultRatio, IgnoreParent: by != "" && !strings.HasPrefix(by, "parentbased_")}
	switch strings.TrimPrefix(by, "parentbased_") {
	case "":
	case "always_on":
		s.Ratio = 1
	case "always_off":
		s.Ratio = 0
	case "traceidratio":
		s.Ratio = 1 // as the specification has it where there is no argument
		if arg := getenv("OTEL_TRACES_SAMPLER_ARG"); arg != "" {
			ratio, err := ParseRatio(arg)
			if err != nil {
				warn("OTEL_TRACES_SAMPLER_ARG: %v", err)
				ratio = DefaultRatio
			}
			s.Ratio = ratio
		}
	default:
		warn("OTEL_TRACES_SAMPLER: %.40q is not known here", by)
		return Sampling{Ratio: DefaultRatio}
	}
	return s
}

// first is the value of the first variable that has one.
func first(getenv func(string) string, names ...string) string {
	for _, name := range names {
		if value := getenv(name); value != "" {
			return value
		}
	}
	return ""
}
