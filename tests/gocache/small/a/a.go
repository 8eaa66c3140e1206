// Package a depends on number.
package a

import "example.test/small/number"

// Value is not inlined, so that its package has code.
//
//go:noinline
func Value() int { return number.Value + 1 }
