//go:build cgo

package sum

// static unsigned add(const unsigned char *bytes, unsigned count) {
//   unsigned out = 0;
//   for (unsigned i = 0; i < count; ++i) out = out * 31 + bytes[i];
//   return out;
// }
import "C"

import "unsafe"

// Of sums bytes up, in C.
func Of(bytes []byte) uint32 {
	if len(bytes) == 0 {
		return 0
	}
	return uint32(C.add((*C.uchar)(unsafe.Pointer(&bytes[0])), C.uint(len(bytes))))
}
