package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"scenecast"
	"scenecast/config"
	"scenecast/engine/cluster"
	"scenecast/engine/nats"
	"scenecast/engine/redis"
	"scenecast/engine/tail"
	"scenecast/language"
	"scenecast/server"
)

func newLog() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Check the log of pushes, or print it",
		Long: `Reads the log of the engine nats or redis without running a server: the files in data_dir, of a node that is stopped, what the
external NATS at nats.url keeps, or what the Redis at redis.url keeps. Nothing is changed.`,
	}
	cmd.AddCommand(newLogVerify(), newLogExport())
	return cmd
}

func newLogVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that the log can be read from its beginning to its end",
		Long: `Reads every record: its checksum, its form, the numbers, which must rise, and the epochs, each of which begins behind the one before.
Prints what is there, and what is damaged. Exit status 1 when something is. A node that was killed may have left its last record cut
off; the server drops that when it starts, and has it again from the other nodes.`,
		Example: `  scenecast log verify --data-dir /var/lib/scenecast
  scenecast log verify --nats-url nats://10.0.0.9:4222
  scenecast log verify --redis-url redis://127.0.0.1:6379/0`,
		Args: cobra.NoArgs,
	}
	s := newLogSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		scan, err := scanLog(cmd.Context(), s, func(*scenecast.Push) {})
		if err != nil {
			return err
		}
		printScan(cmd.OutOrStdout(), scan)
		return damageOf(scan)
	}
	return cmd
}

func newLogExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print the pushes of the log, a line of JSON for each",
		Long: `Prints every push that happened, the oldest first, as GET /v1/pushes shows it, with its app. What is damaged is left out, and told at
the end; then the exit status is 1.`,
		Example: `  scenecast log export --data-dir /var/lib/scenecast | jq -c 'select(.app == "shop")'`,
		Args:    cobra.NoArgs,
	}
	s := newLogSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		var failed error
		scan, err := scanLog(cmd.Context(), s, func(p *scenecast.Push) {
			failed = errors.Join(failed, e.Encode(exportedPush(p)))
		})
		if err := errors.Join(err, failed, out.Flush()); err != nil {
			return err
		}
		return damageOf(scan)
	}
	return cmd
}

// scanLog reads the log that the settings name.
func scanLog(ctx context.Context, s *settings, push func(*scenecast.Push)) (cluster.Scan, error) {
	l, _, err := s.load()
	if err != nil {
		return cluster.Scan{}, err
	}
	reader := cluster.NewReader(tail.KeyOptions{Window: time.Duration(l.Push.IdempotencyWindow), MaxCount: l.Push.MaxIdempotencyKeys})
	switch {
	case l.EngineName() == config.EngineRedis || s.flags["redis.url"].Changed:
		o, err := server.RedisOptions(l.Config, slog.Default())
		if err != nil {
			return cluster.Scan{}, err
		}
		return redis.Scan(ctx, o, reader, push)
	case l.EngineName() != config.EngineNATS || l.DataDir == "" && l.NATS.URL == "":
		return cluster.Scan{}, language.Errorf("which log? --data-dir, --nats-url or --redis-url says it, or the configuration; the engine memory keeps none")
	case l.NATS.URL != "":
		return nats.ScanURL(ctx, nats.Options{URL: l.NATS.URL, Credentials: string(l.NATS.Credentials), Name: l.Cluster.Name}, reader, push)
	}
	return nats.ScanDir(l.DataDir, l.Cluster.Name, reader, push)
}

func printScan(out io.Writer, s cluster.Scan) {
	if s.Begun.IsZero() {
		say(out, "%d records, %d bytes", s.Records, s.Bytes)
	} else {
		say(out, "%d records, %d bytes, stored from %s to %s", s.Records, s.Bytes, s.Begun.UTC().Format(time.RFC3339), s.Ended.UTC().Format(time.RFC3339))
	}
	if s.Happened == 0 {
		say(out, "%d pushes", s.Happened)
	} else {
		say(out, "%d pushes, from %s to %s", s.Happened, s.First, s.Last)
	}
	say(out, "epochs that begin: %d; not counted: records of epochs that had ended: %d, pushes that were there before: %d", s.Epochs, s.Void, s.Pushes-s.Happened)
	for i, err := range s.Damage {
		if i == maxDamage {
			say(out, "damage: … and %d more", len(s.Damage)-i)
			break
		}
		say(out, "damage: %v", err)
	}
}

// maxDamage bounds how much is printed.
const maxDamage = 20

func damageOf(s cluster.Scan) error {
	if len(s.Damage) == 0 {
		return nil
	}
	return language.Errorf("the log is damaged in %d places, the first of them: %w", len(s.Damage), s.Damage[0])
}

// logLine is a push as it is exported.
type logLine struct {
	ID       string          `json:"id"`
	App      string          `json:"app"`
	Position string          `json:"position"`
	At       time.Time       `json:"at"`
	To       string          `json:"to"`
	Event    string          `json:"event,omitempty"`
	Message  json.RawMessage `json:"message"`
	TTL      string          `json:"ttl,omitempty"`
	Coalesce string          `json:"coalesce,omitempty"`
	Retain   string          `json:"retain,omitempty"`
	Receipt  string          `json:"receipt"`
}

func exportedPush(p *scenecast.Push) logLine {
	l := logLine{
		ID:       p.ID,
		App:      p.App,
		Position: p.Position.String(),
		At:       p.At.UTC(),
		To:       p.To.String(),
		Event:    p.Message.Event,
		Message:  p.Message.Data,
		Coalesce: p.Coalesce,
		Retain:   p.Retain,
		Receipt:  p.Receipt.String(),
	}
	if p.TTL > 0 {
		l.TTL = p.TTL.String()
	}
	return l
}
