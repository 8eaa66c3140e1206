// Package number differs from build to build.
package number

// Value is in all other packages, too.
const Value = 0
