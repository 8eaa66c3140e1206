// Package words counts words.
package words

import "strings"

// Count counts what is between white space.
func Count(text string) int { return len(strings.Fields(text)) }
