package config

import (
	"maps"
	"slices"
	"strings"

	"scenecast/editdistance"
	"scenecast/language"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// whichThereAre suggests a candidate, or names all where they are few.
func whichThereAre(name string, candidates []string) language.Text {
	suggestion := didYouMean(name, candidates)
	if last := len(candidates) - 1; suggestion.IsZero() && last > 0 && last < 8 {
		return language.Textf("; there are %s and %s", strings.Join(candidates[:last], ", "), candidates[last])
	}
	return suggestion
}

// didYouMean suggests the candidate that is a slip of the finger away, if there is one.
func didYouMean(name string, candidates []string) language.Text {
	best, least := "", 3
	for _, c := range candidates {
		if n := editdistance.Between(name, c); n < least {
			best, least = c, n
		}
	}
	if best == "" {
		return language.Text{}
	}
	return language.Textf("; did you mean %s?", best)
}
