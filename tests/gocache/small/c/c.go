// Package c depends on a and b.
package c

import (
	"example.test/small/a"
	"example.test/small/b"
)

// Value is not inlined, so that its package has code.
//
//go:noinline
func Value() int { return a.Value() * b.Value() }
