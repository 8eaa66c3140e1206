package words

import "testing"

func TestCount(t *testing.T) {
	if got := Count("one two  three\n"); got != 3 {
		t.Fatalf("got %d words", got)
	}
}
