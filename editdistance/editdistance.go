// Package editdistance tells how much two words differ, to know a slip of the finger.
package editdistance

// Between is the Levenshtein distance: how many bytes to add, drop or change. It takes time in the product of the lengths.
func Between(a, b string) int {
	row := make([]int, len(b)+1) // from the bytes of a so far to each beginning of b
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
