package jwt

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"
)

// parseSet reads a key set. A key that cannot be used is left out, because sets also have keys for other purposes; it says why.
func parseSet(text []byte) (keys []Key, skipped []error, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	switch err := json.Unmarshal(text, &set); {
	case err != nil || set.Keys == nil:
		return nil, nil, fmt.Errorf("it is no JSON Web Key Set")
	case len(set.Keys) > maxSetKeys:
		return nil, nil, fmt.Errorf("it has %d keys, and may have %d", len(set.Keys), maxSetKeys)
	}
	keys = []Key{}
	for i, text := range set.Keys {
		k, err := parseSetKey(text)
		switch {
		case err != nil:
			skipped = append(skipped, fmt.Errorf("keys[%d] %w", i, err))
		case k.value != nil:
			keys = append(keys, k)
		}
	}
	return keys, skipped, nil
}

// parseSetKey reads a key of a set. Without a value: it is not for verifying.
func parseSetKey(text []byte) (Key, error) {
	var m jwkset.JWKMarshal
	if json.Unmarshal(text, &m) != nil {
		return Key{}, fmt.Errorf("is no JSON Web Key")
	}
	switch {
	case m.USE != "" && m.USE != jwkset.UseSig:
		return Key{}, nil
	case m.KTY == jwkset.KtyOct:
		return Key{}, fmt.Errorf("is a secret, and whoever can read the set could make tokens")
	}
	// No URL that a key names is fetched, and nothing counts but the key itself.
	m = jwkset.JWKMarshal{KTY: m.KTY, KID: m.KID, ALG: m.ALG, CRV: m.CRV, X: m.X, Y: m.Y, N: m.N, E: m.E}
	algorithm := string(m.ALG)
	m.ALG = ""
	k, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return Key{}, fmt.Errorf("is no valid key of the type %.20q", m.KTY)
	}
	return newPublic(m.KID, algorithm, k.Key())
}

func sameKeys(a, b []Key) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].id != b[i].id || a[i].identity != b[i].identity || !slices.Equal(a[i].algorithms, b[i].algorithms) {
			return false
		}
	}
	return true
}
