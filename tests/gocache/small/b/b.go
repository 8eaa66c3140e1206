// Package b depends on a.
package b

import "example.test/small/a"

// Value is not inlined, so that its package has code.
//
//go:noinline
func Value() int { return 2 * a.Value() }
