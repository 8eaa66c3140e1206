//go:build !cgo

package sum

// Of sums bytes up.
func Of(bytes []byte) uint32 {
	out := uint32(0)
	for _, b := range bytes {
		out = out*31 + uint32(b)
	}
	return out
}
