// Package config is what an operator can set: defaults, then one YAML file, then the environment, then flags, each over
// the one before. Every mistake is told with its file, line and key, and a key that does not exist is a mistake.
//
// scenecast.yaml beside this file, which `scenecast config init` writes, is the reference of all settings.
package config

import (
	"scenecast/label"
)

// Config is a whole configuration. The yaml tags are the keys of the file; joined by dots they name a setting. It is
// printed by Print, without its secrets, as it is by any YAML encoder.
type Config struct {
	Listen      string `yaml:"listen"`      // host:port, or unix: and a path
	SocketMode  string `yaml:"socket_mode"` // permissions of the path, in octal digits
	AppSettings `yaml:",inline"`
	Labels      Labels    `yaml:"labels"`
	OtherApps   OtherApps `yaml:"apps"` // besides the default one; Apps has all
	WebSocket   WebSocket `yaml:"websocket"`
	SockJS      SockJS    `yaml:"sockjs"`
	Tutorial    Tutorial  `yaml:"tutorial"`
	Limits      Limits    `yaml:"limits"`
	Outbox      Outbox    `yaml:"outbox"`
	Push        Push      `yaml:"push"`
	History     History   `yaml:"history"`
	Feed        Feed      `yaml:"feed"`
	Engine      string    `yaml:"engine"`   // EngineAuto, EngineMemory, EngineNATS or EngineRedis
	DataDir     string    `yaml:"data_dir"` // empty: the log ends with the process
	Cluster     Cluster   `yaml:"cluster"`
	NATS        NATS      `yaml:"nats"`
	Redis       Redis     `yaml:"redis"`
	HTTP        HTTP      `yaml:"http"`
	TLS         TLS       `yaml:"tls"`
	Handover    string    `yaml:"handover"`    // path of a socket; empty: no other process can take over
	DrainDelay  Duration  `yaml:"drain_delay"` // 0: none
	Drain       Duration  `yaml:"drain"`
	Log         Log       `yaml:"log"`
	AccessLog   AccessLog `yaml:"access_log"`
	Tracing     Tracing   `yaml:"tracing"`
	Dashboard   Dashboard `yaml:"dashboard"`
	Debug       Debug     `yaml:"debug"`
}

// Labels say which labels a connection may have. The limits are of every app; what else there is, of the default one.
type Labels struct {
	AppLabels     `yaml:",inline"`
	MaxCount      int  `yaml:"max_count"`
	MaxKeyBytes   Size `yaml:"max_key_bytes"`
	MaxValueBytes Size `yaml:"max_value_bytes"`
}

// Limits are the limits as package label has them.
func (l Labels) Limits() label.Limits {
	return label.Limits{Count: l.MaxCount, KeyBytes: int(l.MaxKeyBytes), ValueBytes: int(l.MaxValueBytes)}
}

// WebSocket bounds what pages send, and how long they may be silent.
type WebSocket struct {
	MaxMessage     Size     `yaml:"max_message"`
	MessageTimeout Duration `yaml:"message_timeout"`
	PingInterval   Duration `yaml:"ping_interval"` // 0: never
	PongWait       Duration `yaml:"pong_wait"`
	CloseWait      Duration `yaml:"close_wait"`
	Compression    bool     `yaml:"compression"`
}

// SockJS is what is settable about sessions of pages over HTTP requests.
type SockJS struct {
	DisconnectDelay Duration `yaml:"disconnect_delay"`
	Hostname        string   `yaml:"hostname"` // under which clients reach this node alone; empty: there is none
}

// Tutorial is what is settable about the tutorial's wire.
type Tutorial struct {
	Welcome           string   `yaml:"welcome"`
	IdleCheckInterval Duration `yaml:"idle_check_interval"`
	IdleTimeout       Duration `yaml:"idle_timeout"` // 0: never
}

// Limits bound how many pages there are, and how fast they come. 0: no limit.
type Limits struct {
	Connections    int      `yaml:"connections"`
	PerAddress     int      `yaml:"per_address"`
	AcceptRate     int      `yaml:"accept_rate"`   // visitors per second
	ConnectRate    int      `yaml:"connect_rate"`  // pages per second from one address
	FailedTokens   int      `yaml:"failed_tokens"` // per second from one address
	PageMessages   int      `yaml:"page_messages"` // per second of one page
	PageSets       int      `yaml:"page_sets"`     // per second of one page
	PageCalls      int      `yaml:"page_calls"`    // per second of one page
	TrustedProxies Networks `yaml:"trusted_proxies"`
	ProxyProtocol  string   `yaml:"proxy_protocol"` // ProxyOff, ProxyOptional or ProxyRequired
}

// Outbox bounds what waits for one page.
type Outbox struct {
	MaxBytes     Size     `yaml:"max_bytes"`
	MaxFrames    int      `yaml:"max_frames"`
	MaxTotal     Size     `yaml:"max_total"`
	SlowConsumer string   `yaml:"slow_consumer"` // SlowClose or SlowDropOldest
	WriteTimeout Duration `yaml:"write_timeout"`
	SendBuffer   Size     `yaml:"send_buffer"`
}

// What happens to a page that reads too slowly.
const (
	SlowClose      = "close"
	SlowDropOldest = "drop_oldest"
)

// Push bounds what a push may ask for, and says what its retries find.
type Push struct {
	MaxTTL             Duration `yaml:"max_ttl"`
	MaxTimeout         Duration `yaml:"max_timeout"`
	IdempotencyWindow  Duration `yaml:"idempotency_window"`
	MaxIdempotencyKeys int      `yaml:"max_idempotency_keys"`
}

// Feed bounds the events that are kept for streams of GET /v1/feed that come back.
type Feed struct {
	MaxAge   Duration `yaml:"max_age"`
	MaxCount int      `yaml:"max_count"` // of one app
	MaxBytes Size     `yaml:"max_bytes"` // … likewise
}

// History bounds the log of pushes, whichever is reached first.
type History struct {
	MaxBytes Size     `yaml:"max_bytes"`
	MaxCount int      `yaml:"max_count"`
	MaxAge   Duration `yaml:"max_age"`
}

// HTTP bounds requests.
type HTTP struct {
	MaxBody      Size     `yaml:"max_body"`
	MaxHead      Size     `yaml:"max_head"`
	HeadTimeout  Duration `yaml:"head_timeout"`
	BodyTimeout  Duration `yaml:"body_timeout"`
	WriteTimeout Duration `yaml:"write_timeout"` // without progress of a response
	IdleTimeout  Duration `yaml:"idle_timeout"`

	AllowedOrigins Origins `yaml:"allowed_origins"`
	TokenCookie    string  `yaml:"token_cookie"` // the name of a cookie that may bring a page's token; empty: none
}

// Debug is for operators who look into the process.
type Debug struct {
	Listen string `yaml:"listen"` // host:port; empty: nowhere
}

// Log says what is logged and how.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}
