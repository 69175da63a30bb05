package revocation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"scenecast"
	"scenecast/language"
)

// fileName is that of the file with the revocations, in the directory of the log.
const fileName = "revocations.json"

// Keeper has the revocations of a list survive. The log forgets what is older than its retention, and a revocation may have to last for
// longer: so it is published again and again, each time by one of the nodes. Beside a log on this node's disk they are in a file, too,
// for when all nodes were down for longer than the log goes back.
type Keeper struct {
	Revocations *List
	Submit      func(p scenecast.Push) (scenecast.Pending, error)
	Retention   time.Duration // of the log
	Dir         string        // where the file is; empty: there is none
	Log         *slog.Logger

	stop  context.CancelFunc
	done  chan struct{}
	dirty chan struct{} // the file is behind the list
}

// Load reads the file. It is called before Start, and before any page comes. An error is that a file is there and cannot be read: a server
// that started all the same would let in whom somebody has shut out.
func (k *Keeper) Load() error {
	if k.Dir == "" {
		return nil
	}
	path := filepath.Join(k.Dir, fileName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("revocations: %w", err)
	}
	var all []scenecast.Revocation
	if err := json.Unmarshal(text, &all); err != nil {
		return language.Errorf("revocations: %s is damaged: %w; without it, tokens that were revoked longer than %v ago are good again", path, err, k.Retention)
	}
	for _, r := range all {
		k.Revocations.Add(r, time.Time{})
	}
	return nil
}

// Start begins to keep the revocations, until Close.
func (k *Keeper) Start() {
	ctx, stop := context.WithCancel(context.Background())
	k.stop, k.done, k.dirty = stop, make(chan struct{}), make(chan struct{}, 1)
	k.Revocations.onChange(func() {
		select {
		case k.dirty <- struct{}{}:
		default:
		}
	})
	go k.run(ctx)
}

// Close ends that. What is not in the file yet is written.
func (k *Keeper) Close() {
	if k.stop == nil {
		return
	}
	k.stop()
	<-k.done
}

func (k *Keeper) run(ctx context.Context) {
	defer close(k.done)
	ticks := time.NewTicker(max(k.Retention/8, time.Second))
	defer ticks.Stop()
	if k.Revocations.Len() > 0 { // the log has told of some before
		k.write()
	}
	k.publish()
	for {
		select {
		case <-ticks.C:
			k.Revocations.Expire()
			k.publish()
		case <-k.dirty:
			k.write()
		case <-ctx.Done():
			select {
			case <-k.dirty:
				k.write()
			default:
			}
			return
		}
	}
}

// publish publishes the revocations that the log will forget before long. Whichever node comes first does it, for all.
func (k *Keeper) publish() {
	now := time.Now()
	for _, e := range k.Revocations.all() {
		if now.Sub(e.logged) < k.Retention/2 || !now.Before(e.Until) {
			continue
		}
		text, err := json.Marshal(e.Revocation)
		if err != nil {
			continue // what was read or checked before always encodes
		}
		sum := sha256.Sum256(text)
		key := hex.EncodeToString(sum[:16]) + " " + strconv.FormatInt(now.UnixNano()/int64(max(k.Retention/4, 1)), 36)
		p, err := e.Push(key, key)
		if err == nil {
			_, err = k.Submit(p)
		}
		if err != nil {
			k.Log.Debug("a revocation is published again later", "err", err)
			return
		}
	}
}

// write replaces the file as a whole.
func (k *Keeper) write() {
	if k.Dir == "" {
		return
	}
	all := []scenecast.Revocation{}
	for _, e := range k.Revocations.all() {
		all = append(all, e.Revocation)
	}
	if err := writeFile(filepath.Join(k.Dir, fileName), all); err != nil {
		k.Log.Error("revocations are not in their file, and are forgotten where all nodes are down for longer than the log goes back", "err", err)
	}
}

func writeFile(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), fileName+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // it has another name where all went well
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
