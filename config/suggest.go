package config

import (
	"maps"
	"slices"
	"strings"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// whichThereAre suggests a candidate, or names all where they are few.
func whichThereAre(name string, candidates []string) string {
	suggestion := didYouMean(name, candidates)
	if last := len(candidates) - 1; suggestion == "" && last > 0 && last < 8 {
		return "; there are " + strings.Join(candidates[:last], ", ") + " and " + candidates[last]
	}
	return suggestion
}

// didYouMean suggests the candidate that is a slip of the finger away, if there is one.
func didYouMean(name string, candidates []string) string {
	best, least := "", 3
	for _, c := range candidates {
		if n := distance(name, c); n < least {
			best, least = c, n
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is the Levenshtein distance: how many letters to add, drop or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
