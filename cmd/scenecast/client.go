package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scenecast/push"
)

// defaultURL is where a server on this machine is.
const defaultURL = "http://localhost:9502"

// addURLFlag adds the flag that says where the server is.
func addURLFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("url", "", "`address` of the server (default SCENECAST_URL, or "+defaultURL+")")
}

// serverURL is the server's address: the flag's, else the environment's, else this machine's.
func serverURL(flag string) (*url.URL, error) {
	text := cmp.Or(flag, os.Getenv("SCENECAST_URL"), defaultURL)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is no address of a server; it looks like %s", text, defaultURL)
	}
	return u, nil
}

func newPush() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "push --to AUDIENCE MESSAGE",
		Short: "Push a message to the pages of an audience",
		Long: `Pushes a message, which is JSON and reaches the pages as it is, and prints the server's answer: how many pages matched.

The audience is an expression over the pages' labels, as text or as JSON; "*" is everybody.`,
		Example: `  scenecast push --to '{"page":"home"}' '{"code":200,"message":"hi"}'
  scenecast push --to 'page == "order" && order == "7"' '{"code":200,"message":"shipped"}'
  scenecast push --to '*' --dry-run`,
		Args: cobra.MaximumNArgs(1),
	}
	address := addURLFlag(cmd)
	to := cmd.Flags().String("to", "", "`audience`, as text or as a JSON object")
	key := cmd.Flags().String("api-key", "", "`key` with the scope push (default SCENECAST_API_KEY)")
	dryRun := cmd.Flags().Bool("dry-run", false, "count the pages and send nothing")
	idempotencyKey := cmd.Flags().String("idempotency-key", "", "`key` by which the server knows a retry, and sends nothing twice")
	for _, o := range pushOptions {
		cmd.Flags().String(o.flag, "", o.usage)
	}
	_ = cmd.MarkFlagRequired("to")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		u, err := serverURL(*address)
		if err != nil {
			return err
		}
		request := map[string]any{"to": audienceJSON(*to), "dry_run": *dryRun}
		for _, o := range pushOptions {
			if flag := cmd.Flags().Lookup(o.flag); flag.Changed {
				request[o.flag] = flag.Value.String()
			}
		}
		switch {
		case len(args) == 1 && !json.Valid([]byte(args[0])):
			return fmt.Errorf("the message is not JSON; a text is written with its quotes: '\"hi\"'")
		case len(args) == 1:
			request["message"] = json.RawMessage(args[0])
		case !*dryRun:
			return errors.New("which message? It is the argument after the flags")
		}
		body, err := json.Marshal(request)
		if err != nil {
			return err
		}
		headers := map[string]string{
			"Authorization": "Bearer " + cmp.Or(*key, os.Getenv("SCENECAST_API_KEY")),
			"Content-Type":  "application/json",
		}
		if *idempotencyKey != "" {
			headers[push.IdempotencyHeader] = *idempotencyKey
		}
		answer, err := call(cmd.Context(), http.MethodPost, u.JoinPath("/v1/push"), headers, body)
		if err != nil {
			return err
		}
		noteNodes(cmd.ErrOrStderr(), answer)
		_, err = cmd.OutOrStdout().Write(answer)
		return err
	}
	return cmd
}

// pushOptions are the flags that are fields of the push. What may be in them is the server's to say.
var pushOptions = []struct{ flag, usage string }{
	{"event", "`name` of the message"},
	{"ttl", "`time` within which pages that open get it too, as in 5m"},
	{"coalesce", "`key`: of those that wait for a slow page, only the newest with this key needs to"},
	{"retain", "`key`: pages that open get only the newest with this key; needs --ttl"},
	{"receipt", "`what` to wait for: queued, written or acked"},
	{"timeout", "`time` to wait for the receipt, as in 10s"},
}

// audienceJSON is an audience as the API takes it: an object as it is, a text as a JSON string.
func audienceJSON(text string) json.RawMessage {
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") && json.Valid([]byte(trimmed)) {
		return json.RawMessage(trimmed)
	}
	quoted, _ := json.Marshal(text) // a string always encodes
	return quoted
}

// patience is how long an answer may take: longer than a server lets a receipt take, unless somebody has set it so.
const patience = time.Minute

// noteNodes says so if an answer is not that of all nodes.
func noteNodes(to io.Writer, answer []byte) {
	var n struct {
		Nodes int
		Known int `json:"nodes_known"`
	}
	if json.Unmarshal(answer, &n) == nil && n.Nodes < n.Known {
		fmt.Fprintf(to, "scenecast: %d of %d nodes have answered; the figures are theirs\n", n.Nodes, n.Known)
	}
}

// call makes a call of the API and returns the answer; one that says no is an error with its reason.
func call(ctx context.Context, method string, to *url.URL, headers map[string]string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return answer, nil
	}
	var p struct{ Detail, Where, Setting string }
	if json.Unmarshal(answer, &p) != nil || p.Detail == "" {
		return nil, fmt.Errorf("%s answers %s", to.Host, response.Status)
	}
	text := p.Detail
	if p.Where != "" {
		text = p.Where + ": " + text
	}
	if p.Setting != "" {
		text += " (the server's setting: " + p.Setting + ")"
	}
	return nil, errors.New(text)
}
