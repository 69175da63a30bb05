package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// place names a block of code, for what a test has to know of it: the one of a document that has these words.
type place struct {
	document string // as docs/client.md
	words    string
	// elsewhere is the test that runs the block, as server/registry_test.go TestRegistry. Empty: the test here does.
	elsewhere string
}

func (p place) at() place { return p }

// inPlace calls do with each block and what a test knows of it. A block that it knows nothing of is a mistake, and so is what is said of no block, or of
// several. TestTutorials of the command line runs all blocks of the tutorials but those of other products: of these, do gets those that have a place.
func inPlace[P interface{ at() place }](t *testing.T, all []snippet, places []P, do func(snippet, P)) {
	t.Helper()
	matched := make([]int, len(places))
	for _, s := range all {
		found := 0
		for i, p := range places {
			if at := p.at(); strings.HasPrefix(s.place, "../"+at.document+":") && strings.Contains(s.code, at.words) {
				found++
				matched[i]++
				if at.elsewhere != "" {
					checkElsewhere(t, s, at)
				} else {
					do(s, p)
				}
			}
		}
		if tutorial := strings.HasPrefix(s.place, "../docs/tutorial-") && s.mark != "other"; found != 1 && !(found == 0 && tutorial) {
			t.Errorf("%s: %d entries of this test say how this block is run, want 1:\n%s", s.place, found, s.code)
		}
	}
	for i, p := range places {
		if matched[i] != 1 {
			t.Errorf("%s has %d blocks with %q, want 1", p.at().document, matched[i], p.at().words)
		}
	}
}

// checkElsewhere says that the test is there which runs a block, and that it knows the document.
func checkElsewhere(t *testing.T, s snippet, p place) {
	t.Helper()
	file, test, _ := strings.Cut(p.elsewhere, " ")
	text, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Errorf("%s: %v", s.place, err)
	} else if !strings.Contains(string(text), "\nfunc "+test+"(t *testing.T) {") || !strings.Contains(string(text), filepath.Base(p.document)) {
		t.Errorf("%s: %s has no %s that reads %s", s.place, file, test, p.document)
	}
}
