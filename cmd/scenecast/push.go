package main

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"scenecast/auth"
	"scenecast/client"
	"scenecast/language"
)

func newPush() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "push --to AUDIENCE MESSAGE",
		Short: "Push a message to the pages of an audience",
		Long: `Pushes a message, which is JSON and reaches the pages as it is, and prints the server's answer: how many pages matched.

The audience is an expression over the pages' labels, as text or as JSON; "*" is everybody.

Address and key are those of the server that the configuration here is for, unless flags or variables give others.`,
		Example: `  scenecast push --to '{"page":"home"}' '{"code":200,"message":"hi"}'
  scenecast push --to 'page == "order" && order == "7"' '{"code":200,"message":"shipped"}'
  scenecast push --to '*' --dry-run
  scenecast push --url https://push.example.com --api-key "$KEY" --to '*' '"hello"'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return language.Errorf("the message is one argument, and here are %d; put it in quotes: '{\"code\":200}'", len(args))
			}
			return nil
		},
	}
	server := newRemote(cmd, false, auth.Push)
	var r client.PushRequest
	f := cmd.Flags()
	to := f.String("to", "", "`audience`, as text or as a JSON object")
	f.BoolVar(&r.DryRun, "dry-run", false, "count the pages and send nothing")
	f.StringVar(&r.IdempotencyKey, "idempotency-key", "", "`key` by which the server knows a retry, and sends nothing twice")
	// What may be in these is the server's to say.
	f.StringVar(&r.Event, "event", "", "`name` of the message")
	f.DurationVar(&r.TTL, "ttl", 0, "`time` within which pages that open get it too, as in 5m")
	f.StringVar(&r.Coalesce, "coalesce", "", "`key`: of those that wait for a slow page, only the newest with this key needs to")
	f.StringVar(&r.Retain, "retain", "", "`key`: pages that open get only the newest with this key; needs --ttl")
	f.StringVar(&r.Receipt, "receipt", "", "`what` to wait for: queued, written or acked")
	f.DurationVar(&r.Timeout, "timeout", 0, "`time` to wait for the receipt, as in 10s")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.To = audienceJSON(*to)
		switch {
		case !cmd.Flags().Changed("to"):
			return language.Errorf("which pages? --to says it, as in --to '{\"page\":\"home\"}'; everybody is --to '*'")
		case len(args) == 1 && !json.Valid([]byte(args[0])):
			return language.Errorf("the message is not JSON; a text is written with its quotes: '\"hi\"'")
		case len(args) == 1:
			r.Message = json.RawMessage(args[0])
		case !r.DryRun:
			return language.Errorf("which message? It is the argument after the flags")
		}
		u, address, err := server.address()
		if err != nil {
			return err
		}
		key, err := server.apiKey()
		if err != nil {
			return err
		}
		backend := server.backend(u, key)
		result, err := backend.Push(cmd.Context(), r)
		if err != nil {
			return explain(err, address, key)
		}
		if result.Nodes < result.NodesKnown {
			say(cmd.ErrOrStderr(), "scenecast: %d of %d nodes have answered; the figures are theirs", result.Nodes, result.NodesKnown)
		}
		_, err = cmd.OutOrStdout().Write(result.Raw)
		return err
	}
	return cmd
}

// audienceJSON is an audience as the API takes it: an object as it is, a text as a JSON string.
func audienceJSON(text string) json.RawMessage {
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") && json.Valid([]byte(trimmed)) {
		return json.RawMessage(trimmed)
	}
	return client.Audience(text)
}
