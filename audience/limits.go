package audience

import "scenecast/problem"

// What one audience may be. Input over a limit is a problem of kind LimitExceeded that names the limit.
const (
	// MaxText bounds, in bytes, the text or the JSON object that is read, and the canonical text of what it means. A JSON
	// string is measured as the text in it, without its escapes.
	MaxText = 4 << 10

	// MaxNodes bounds the size of the tree. Every node counts, and every value of a node: page == "home" is 2,
	// page != "home" is 3, and a chain of && is one node and its operands.
	MaxNodes = 128

	// MaxDepth bounds how many parentheses and '!' may be open at one place of the text. It is a bound on the stack too.
	MaxDepth = 16
)

func checkText(bytes int) error {
	if bytes > MaxText {
		return problem.New(problem.LimitExceeded, "the audience has %d bytes of text, and may have %d", bytes, MaxText)
	}
	return nil
}

func checkNodes(root *Node) error {
	if n := root.size(); n > MaxNodes {
		return problem.New(problem.LimitExceeded, "the audience has %d nodes (operators and values), and may have %d",
			n, MaxNodes)
	}
	return nil
}
